import { CapabilitySet } from "./capability-set.js";
import {
  booleanField,
  type Dictionary,
  dictionaryField,
  dictionaryListField,
  ensureDictionary,
  ensureTexts,
  listField,
  textField,
  textsField,
  u32Field,
  u64Field,
} from "./dictionary.js";
import { normalizeGpuVendor } from "./gpu-vendor.js";
import { normalizeModality } from "./modality.js";

const U16_MAX = 0xffff;
const LIMIT_PREFIX = "hardware.limits.";
const LIMITS = [
  "max_concurrent_requests",
  "max_tokens_per_request",
  "rate_limit_rpm",
  "max_batch_size",
  "max_input_bytes",
  "max_output_bytes",
] as const;
const DEFAULT_TOOL_VERSION = "1.0.0";

/** Collects tags. */
class TagWriter {
  readonly tags: Set<string> = new Set();

  /** A value that is zero or empty gives no tag. */
  value(key: string, value: string | number | bigint | undefined): void {
    if (value === undefined || value === "" || value === 0 || value === 0n) return;
    this.tags.add(`${key}=${value}`);
  }

  /** An optional text gives a tag whenever it is given, even empty. */
  optional(key: string, value: string | undefined): void {
    if (value !== undefined) this.tags.add(`${key}=${value}`);
  }
}

/**
 * The capability set of a dictionary in the reference's form (Net identity format, section 8.2),
 * with its keys: `hardware`, `software`, `models`, `tools`, `tags`, `limits`. Unknown keys are
 * ignored; `null` and `undefined` count as absent. The tags are those of the announcement but for
 * the ones the node adds itself (`nat:…`, `nrpc:…`).
 *
 * @throws NetCapabilityError `TYPE`, `RANGE` or `TEXT`, with the reference's own words first
 */
export function readCapabilities(dictionary: unknown): CapabilitySet {
  const caps = ensureDictionary(dictionary, "caps");
  const writer = new TagWriter();
  const metadata = new Map<string, string>();
  const hardware = dictionaryField(caps, "hardware");
  if (hardware !== undefined) writeHardware(writer, hardware);
  const software = dictionaryField(caps, "software");
  if (software !== undefined) writeSoftware(writer, software);
  dictionaryListField(caps, "models").forEach((model, index) => {
    writeModel(writer, model, `software.model.${index}`);
  });
  dictionaryListField(caps, "tools").forEach((tool, index, tools) => {
    writeTool(writer, metadata, tool, `software.tool.${index}`, index === tools.length - 1);
  });
  for (const tag of textsField(caps, "tags") ?? []) writer.tags.add(tag);
  const limits = dictionaryField(caps, "limits");
  if (limits !== undefined) writeLimits(writer, limits);
  return CapabilitySet.of(writer.tags, metadata);
}

function writeHardware(writer: TagWriter, hardware: Dictionary): void {
  const cores = saturated(u32Field(hardware, "cpu_cores"));
  const threads = saturated(u32Field(hardware, "cpu_threads"));
  if (cores !== undefined) {
    writer.value("hardware.cpu_cores", cores);
    writer.value("hardware.cpu_threads", threads ?? cores);
  }
  writer.value("hardware.memory_gb", u32Field(hardware, "memory_gb"));
  const gpu = dictionaryField(hardware, "gpu");
  if (gpu !== undefined) writeGpu(writer, gpu);
  // Checked, as the reference checks them, and not transmitted.
  for (const additional of dictionaryListField(hardware, "additional_gpus")) {
    writeGpu(new TagWriter(), additional);
  }
  writer.value("hardware.storage_gb", u64Field(hardware, "storage_gb"));
  writer.value("hardware.network_gbps", u32Field(hardware, "network_gbps"));
  for (const accelerator of dictionaryListField(hardware, "accelerators")) {
    textField(accelerator, "kind");
    textField(accelerator, "model");
    u32Field(accelerator, "memory_gb");
    u32Field(accelerator, "tops_x10");
  }
}

function writeGpu(writer: TagWriter, gpu: Dictionary): void {
  writer.tags.add("hardware.gpu");
  const vendor = normalizeGpuVendor(textField(gpu, "vendor") ?? "");
  writer.value("hardware.gpu.vendor", vendor === "unknown" ? undefined : vendor);
  writer.value("hardware.gpu.model", textField(gpu, "model"));
  writer.value("hardware.gpu.vram_gb", u32Field(gpu, "vram_gb"));
  writer.value("hardware.gpu.compute_units", saturated(u32Field(gpu, "compute_units")));
  writer.value("hardware.gpu.tensor_cores", saturated(u32Field(gpu, "tensor_cores")));
  writer.value("hardware.gpu.fp16_tflops_x10", u32Field(gpu, "fp16_tflops_x10"));
}

function writeSoftware(writer: TagWriter, software: Dictionary): void {
  writer.value("software.os", textField(software, "os"));
  writer.value("software.os_version", textField(software, "os_version"));
  writeVersions(writer, software, "runtimes", "software.runtime");
  writeVersions(writer, software, "frameworks", "software.framework");
  writer.optional("software.cuda_version", textField(software, "cuda_version"));
  writeVersions(writer, software, "drivers", "software.driver");
}

/** Pairs of name and version. A name that would be read back as something else is passed over. */
function writeVersions(writer: TagWriter, software: Dictionary, key: string, prefix: string): void {
  for (const item of listField(software, key)) {
    const [name, version] = ensureTexts(item, key);
    if (name === undefined || version === undefined) continue;
    if (name !== "" && !/[=:.]/.test(name)) writer.tags.add(`${prefix}.${name}=${version}`);
  }
}

function writeModel(writer: TagWriter, model: Dictionary, prefix: string): void {
  writer.value(`${prefix}.id`, textField(model, "model_id"));
  writer.value(`${prefix}.family`, textField(model, "family"));
  writer.value(`${prefix}.parameters_b_x10`, u32Field(model, "parameters_b_x10"));
  writer.value(`${prefix}.context_length`, u32Field(model, "context_length"));
  writer.optional(`${prefix}.quantization`, textField(model, "quantization"));
  const words = (textsField(model, "modalities") ?? []).map((word) => normalizeModality(word));
  writer.value(`${prefix}.modalities`, [...new Set(["text", ...words])].join(","));
  writer.value(`${prefix}.tokens_per_sec`, u32Field(model, "tokens_per_sec"));
  if (booleanField(model, "loaded") === true) writer.tags.add(`${prefix}.loaded=true`);
}

/**
 * The reference reads back the tools it has whenever it adds another, so that in all but the last an
 * empty version becomes the default, and one empty requirement none.
 */
function writeTool(
  writer: TagWriter,
  metadata: Map<string, string>,
  tool: Dictionary,
  prefix: string,
  isLast: boolean,
): void {
  const id = textField(tool, "tool_id");
  writer.value(`${prefix}.tool_id`, id);
  writer.value(`${prefix}.name`, textField(tool, "name"));
  const version = textField(tool, "version") ?? DEFAULT_TOOL_VERSION;
  writer.value(`${prefix}.version`, version === "" && !isLast ? DEFAULT_TOOL_VERSION : version);
  for (const schema of ["input_schema", "output_schema"]) {
    const text = textField(tool, schema);
    if (text !== undefined) metadata.set(`tool::${id ?? ""}::${schema}`, text);
  }
  const requires = textsField(tool, "requires") ?? [];
  const joined = requires.join(",");
  if (requires.length > 0 && (joined !== "" || isLast)) {
    writer.optional(`${prefix}.requires`, joined);
  }
  writer.value(`${prefix}.estimated_time_ms`, u32Field(tool, "estimated_time_ms"));
  writer.tags.add(`${prefix}.stateless=${booleanField(tool, "stateless") ?? true}`);
}

/** Limits are applied last and replace those written by hand, with or without a value. */
function writeLimits(writer: TagWriter, limits: Dictionary): void {
  for (const tag of writer.tags) {
    if (tag.startsWith(LIMIT_PREFIX)) writer.tags.delete(tag);
  }
  for (const key of LIMITS) writer.value(`${LIMIT_PREFIX}${key}`, u32Field(limits, key));
}

function saturated(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.min(value, U16_MAX);
}

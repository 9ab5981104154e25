import { type GpuVendor, gpuVendorWord } from "./gpu-vendor.js";
import { type Modality, modalityWord } from "./modality.js";
import { parseTag } from "./tag.js";
import { parseUnsignedDecimal } from "./unsigned-decimal.js";

/** A graphics processor as the tags describe it. */
export interface GpuValues {
  readonly vendor: GpuVendor;
  readonly vramGb: number;
}

/** One model of a node. */
export interface ModelValues {
  /** Absent when no tag gives it. */
  readonly id?: string;
  readonly contextLength: number;
  /** Empty when no tag gives them. */
  readonly modalities: readonly Modality[];
}

/** One tool of a node. */
export interface ToolValues {
  readonly toolId?: string;
}

/** The values filters look at (Net identity format, section 8.4). */
export interface CapabilityValues {
  readonly memoryGb: number;
  /** There is one as soon as any tag `hardware.gpu` or `hardware.gpu.…` is. */
  readonly gpu?: GpuValues;
  /** In ascending order of their indices. */
  readonly models: readonly ModelValues[];
  readonly tools: readonly ToolValues[];
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

const INDEXED_KEY = /^(model|tool)\.([^.]*)\.(.*)$/s;

/**
 * Reads tags into values (Net identity format, section 8.4). Tags are taken in ascending order and
 * later ones overwrite; a number that does not parse is 0. A presence tag is a value of no length,
 * but gives no id.
 *
 * @param tags ascending by UTF-8 bytes
 */
export function projectTags(tags: readonly string[]): CapabilityValues {
  let memoryGb = 0;
  let gpu: Writable<GpuValues> | undefined;
  const models = new Map<number, Writable<ModelValues>>();
  const tools = new Map<number, Writable<ToolValues>>();
  for (const text of tags) {
    const tag = parseTag(text);
    if (tag.kind !== "value" && tag.kind !== "presence") continue;
    const value = tag.kind === "value" ? tag.value : undefined;
    if (tag.axis === "hardware") {
      if (tag.key === "memory_gb") memoryGb = number(value);
      else if (tag.key === "gpu" || tag.key.startsWith("gpu.")) {
        gpu ??= { vendor: "unknown", vramGb: 0 };
        if (tag.key === "gpu.vendor") gpu.vendor = gpuVendorWord(value ?? "");
        else if (tag.key === "gpu.vram_gb") gpu.vramGb = number(value);
      }
    } else if (tag.axis === "software") {
      const match = INDEXED_KEY.exec(tag.key);
      const index = parseUnsignedDecimal(match?.[2] ?? "");
      if (match === null || index === undefined) continue;
      if (match[1] === "model") {
        const model = models.get(index) ?? { contextLength: 0, modalities: [] };
        models.set(index, model);
        setModelValue(model, match[3] ?? "", value);
      } else {
        const tool = tools.get(index) ?? {};
        tools.set(index, tool);
        if (match[3] === "tool_id" && value !== undefined) tool.toolId = value;
      }
    }
  }
  return {
    memoryGb,
    ...(gpu === undefined ? {} : { gpu }),
    models: byIndex(models),
    tools: byIndex(tools),
  };
}

function setModelValue(
  model: Writable<ModelValues>,
  field: string,
  value: string | undefined,
): void {
  if (field === "id" && value !== undefined) model.id = value;
  else if (field === "context_length") model.contextLength = number(value);
  else if (field === "modalities") {
    model.modalities = (value ?? "").split(",").map((word) => modalityWord(word));
  }
}

function number(value: string | undefined): number {
  return parseUnsignedDecimal(value ?? "") ?? 0;
}

function byIndex<T>(values: ReadonlyMap<number, T>): readonly T[] {
  return [...values].sort((a, b) => a[0] - b[0]).map(([, value]) => value);
}

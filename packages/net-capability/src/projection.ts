import { type GpuVendor, gpuVendorWord } from "./gpu-vendor.js";
import { type Modality, modalityWord } from "./modality.js";
import { parseTag, type Tag } from "./tag.js";
import { parseUnsignedDecimal } from "./unsigned-decimal.js";

/** A graphics processor as the tags describe it. */
export interface GpuValues {
  readonly vendor: GpuVendor;
  readonly vramGb: number;
}

/** One model of a node. */
export interface ModelValues {
  /** Empty when no tag gives it. */
  readonly id: string;
  readonly contextLength: number;
  /** Empty when no tag gives them. */
  readonly modalities: readonly Modality[];
}

/** One tool of a node. */
export interface ToolValues {
  /** Empty when no tag gives it. */
  readonly toolId: string;
}

/** The values filters look at (Net identity format, section 8.4). */
export interface CapabilityValues {
  readonly memoryGb: number;
  /** There is one as soon as any tag `hardware.gpu` or `hardware.gpu.…` is. */
  readonly gpu?: GpuValues;
  /** In ascending order of their indices. */
  readonly models: readonly ModelValues[];
  readonly tools: readonly ToolValues[];
  /** Every id some tag `software.model.<anything>.id` gives, overwritten or under no number too. */
  readonly taggedModelIds: ReadonlySet<string>;
  /** The same of the tags `software.tool.<anything>.tool_id`. */
  readonly taggedToolIds: ReadonlySet<string>;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

const INDEXED_KEY = /^(model|tool)\.([^.]*)\.(.*)$/s;

/**
 * Reads tags into values (Net identity format, section 8.4). Tags are taken in ascending order and
 * later ones overwrite; a number that does not parse is 0, and a presence tag a value of no length.
 *
 * @param tags ascending by UTF-8 bytes
 */
export function projectTags(tags: readonly string[]): CapabilityValues {
  const projection = new Projection();
  for (const text of tags) {
    const tag = parseTag(text);
    if (tag.kind !== "value" && tag.kind !== "presence") continue;
    if (tag.axis === "hardware") projection.readHardware(tag);
    else if (tag.axis === "software") projection.readSoftware(tag);
  }
  return projection.values();
}

type AxisTag = Extract<Tag, { readonly axis: unknown }>;

class Projection {
  readonly #taggedModelIds = new Set<string>();
  readonly #taggedToolIds = new Set<string>();
  readonly #models = new Map<number, Writable<ModelValues>>();
  readonly #tools = new Map<number, Writable<ToolValues>>();
  #memoryGb = 0;
  #gpu: Writable<GpuValues> | undefined;

  readHardware(tag: AxisTag): void {
    if (tag.key === "memory_gb") this.#memoryGb = numberOf(tag);
    if (tag.key !== "gpu" && !tag.key.startsWith("gpu.")) return;
    this.#gpu ??= { vendor: "unknown", vramGb: 0 };
    if (tag.key === "gpu.vendor") this.#gpu.vendor = gpuVendorWord(textOf(tag));
    else if (tag.key === "gpu.vram_gb") this.#gpu.vramGb = numberOf(tag);
  }

  readSoftware(tag: AxisTag): void {
    const match = INDEXED_KEY.exec(tag.key);
    if (match === null) return;
    const [, list, indexText = "", name = ""] = match;
    const index = parseUnsignedDecimal(indexText);
    if (list === "model") this.#readModel(tag, index, name);
    else this.#readTool(tag, index, name);
  }

  values(): CapabilityValues {
    return {
      memoryGb: this.#memoryGb,
      ...(this.#gpu === undefined ? {} : { gpu: this.#gpu }),
      models: byIndex(this.#models),
      tools: byIndex(this.#tools),
      taggedModelIds: this.#taggedModelIds,
      taggedToolIds: this.#taggedToolIds,
    };
  }

  #readModel(tag: AxisTag, index: number | undefined, name: string): void {
    if (name === "id" && tag.kind === "value") this.#taggedModelIds.add(tag.value);
    if (index === undefined) return;
    const model = this.#models.get(index) ?? { id: "", contextLength: 0, modalities: [] };
    this.#models.set(index, model);
    if (name === "id") model.id = textOf(tag);
    else if (name === "context_length") model.contextLength = numberOf(tag);
    else if (name === "modalities") {
      model.modalities = textOf(tag)
        .split(",")
        .map((word) => modalityWord(word));
    }
  }

  #readTool(tag: AxisTag, index: number | undefined, name: string): void {
    if (name === "tool_id" && tag.kind === "value") this.#taggedToolIds.add(tag.value);
    if (index === undefined) return;
    const tool = this.#tools.get(index) ?? { toolId: "" };
    this.#tools.set(index, tool);
    if (name === "tool_id") tool.toolId = textOf(tag);
  }
}

function textOf(tag: AxisTag): string {
  return tag.kind === "value" ? tag.value : "";
}

function numberOf(tag: AxisTag): number {
  return parseUnsignedDecimal(textOf(tag)) ?? 0;
}

function byIndex<T>(values: ReadonlyMap<number, T>): readonly T[] {
  return [...values].sort((a, b) => a[0] - b[0]).map(([, value]) => value);
}

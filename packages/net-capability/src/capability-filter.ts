import type { CapabilitySet } from "./capability-set.js";
import { booleanField, ensureDictionary, textField, textsField, u32Field } from "./dictionary.js";
import { type GpuVendor, normalizeGpuVendor } from "./gpu-vendor.js";
import { type Modality, normalizeModality } from "./modality.js";
import { parseTag } from "./tag.js";

/** The tag that says that a node has a graphics processor: this text, and no tag like it. */
export const GPU_TAG = "hardware.gpu";

/** Conditions on a node (Net identity format, section 10.2). All that are given must hold. */
export interface CapabilityFilter {
  /** Every one of these. */
  readonly requireTags?: readonly string[];
  /** Any one of these; an empty list asks for nothing. */
  readonly requireModels?: readonly string[];
  /** Any one of these; an empty list asks for nothing. */
  readonly requireTools?: readonly string[];
  readonly minMemoryGb?: number;
  /** `false` asks for nothing. */
  readonly requireGpu?: boolean;
  /** Asks for a processor too; `unknown` for one without a known vendor. */
  readonly gpuVendor?: GpuVendor;
  /** Asks for a processor too, even when 0. */
  readonly minVramGb?: number;
  /** Asks for a model too, even when 0. */
  readonly minContextLength?: number;
  /** Each by some model, not all by one. */
  readonly requireModalities?: readonly Modality[];
}

/**
 * How required tags are compared. `find_nodes` takes them byte for byte (`exact`); the conditions of
 * a channel let `key=value` and `key:value` of an axis tag count as equal (`separator-blind`).
 */
export type TagComparison = "exact" | "separator-blind";

/**
 * A filter from the reference's dictionary, whose keys are `require_tags`, `require_models`,
 * `require_tools`, `min_memory_gb`, `require_gpu`, `gpu_vendor`, `min_vram_gb`,
 * `min_context_length` and `require_modalities`. Unknown keys are ignored.
 *
 * @param argument the name the reference gives the argument in its texts
 * @throws NetCapabilityError `TYPE`, `RANGE` or `TEXT`, with the reference's own words first
 */
export function readFilter(dictionary: unknown, argument = "filter"): CapabilityFilter {
  const filter = ensureDictionary(dictionary, argument);
  const vendor = textField(filter, "gpu_vendor");
  const fields = {
    requireTags: textsField(filter, "require_tags"),
    requireModels: textsField(filter, "require_models"),
    requireTools: textsField(filter, "require_tools"),
    minMemoryGb: u32Field(filter, "min_memory_gb"),
    requireGpu: booleanField(filter, "require_gpu"),
    gpuVendor: vendor === undefined ? undefined : normalizeGpuVendor(vendor),
    minVramGb: u32Field(filter, "min_vram_gb"),
    minContextLength: u32Field(filter, "min_context_length"),
    requireModalities: textsField(filter, "require_modalities")?.map(normalizeModality),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Whether a filter asks for a graphics processor, by name or by what only one has. */
export function asksForGpu(filter: CapabilityFilter): boolean {
  return (
    filter.requireGpu === true || filter.gpuVendor !== undefined || filter.minVramGb !== undefined
  );
}

/** Whether a set meets every condition of a filter; an empty filter is met by all. */
export function matchesFilter(
  set: CapabilitySet,
  filter: CapabilityFilter,
  comparison: TagComparison,
): boolean {
  return (
    (filter.requireTags ?? []).every((tag) => hasTag(set, tag, comparison)) &&
    gpuMatches(set, filter) &&
    valuesMatch(set, filter)
  );
}

function hasTag(set: CapabilitySet, wanted: string, comparison: TagComparison): boolean {
  if (set.has(wanted)) return true;
  if (comparison === "exact") return false;
  const tag = parseTag(wanted);
  if (tag.kind !== "value") return false;
  const other = tag.separator === "=" ? ":" : "=";
  return set.has(`${tag.axis}.${tag.key}${other}${tag.value}`);
}

function gpuMatches(set: CapabilitySet, filter: CapabilityFilter): boolean {
  if (!asksForGpu(filter)) return true;
  if (!set.has(GPU_TAG)) return false;
  const gpu = set.values.gpu;
  return (
    (filter.gpuVendor === undefined || gpu?.vendor === filter.gpuVendor) &&
    (filter.minVramGb === undefined || (gpu?.vramGb ?? 0) >= filter.minVramGb)
  );
}

function valuesMatch(set: CapabilitySet, filter: CapabilityFilter): boolean {
  const { requireModels, requireTools, minMemoryGb, minContextLength, requireModalities } = filter;
  if (minMemoryGb !== undefined && set.values.memoryGb < minMemoryGb) return false;
  if (!anyOf(requireModels, (id) => set.values.models.some((model) => model.id === id))) {
    return false;
  }
  if (!anyOf(requireTools, (id) => set.values.tools.some((tool) => tool.toolId === id))) {
    return false;
  }
  if (
    minContextLength !== undefined &&
    !set.values.models.some((model) => model.contextLength >= minContextLength)
  ) {
    return false;
  }
  return (requireModalities ?? []).every((modality) =>
    set.values.models.some((model) => model.modalities.includes(modality)),
  );
}

function anyOf(ids: readonly string[] | undefined, isThere: (id: string) => boolean): boolean {
  return ids === undefined || ids.length === 0 || ids.some(isThere);
}

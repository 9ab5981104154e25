import type { CapabilitySet } from "./capability-set.js";
import {
  booleanField,
  ensureDictionary,
  textField,
  textsField,
  typeProblem,
  u32Field,
} from "./dictionary.js";
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
 * What is asked, since the reference looks at tags in two ways. To find nodes (`find`) a tag is
 * required byte for byte, and the id of a model or tool must be in its place: under a number, and not
 * overwritten. The conditions of a channel (`channel`) let `key=value` and `key:value` of an axis tag
 * count as equal, and take an id from any tag that gives one.
 */
export type FilterUse = "find" | "channel";

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

const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((item) => typeof item === "string");
const isCount = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 0;
/** What each condition has to be, in words and as a test. */
const CONDITIONS: Readonly<
  Record<keyof CapabilityFilter, readonly [string, (value: unknown) => boolean]>
> = {
  requireTags: ["a list of texts", isTexts],
  requireModels: ["a list of texts", isTexts],
  requireTools: ["a list of texts", isTexts],
  minMemoryGb: ["a whole number from 0", isCount],
  requireGpu: ["true or false", (value) => typeof value === "boolean"],
  gpuVendor: ["a text", (value) => typeof value === "string"],
  minVramGb: ["a whole number from 0", isCount],
  minContextLength: ["a whole number from 0", isCount],
  requireModalities: ["a list of texts", isTexts],
};

/**
 * Returns a filter that is one. A key that is none would ask for nothing and let everybody pass, the
 * keys of the reference's dictionaries among them: those are for `readFilter`.
 *
 * @throws NetCapabilityError `TYPE`
 */
export function ensureFilter(filter: CapabilityFilter): CapabilityFilter {
  for (const [key, value] of Object.entries(ensureDictionary(filter, "filter"))) {
    if (!Object.hasOwn(CONDITIONS, key)) {
      throw typeProblem(
        `expected the conditions of a filter (${Object.keys(CONDITIONS).join(", ")}), found ${JSON.stringify(key)}; a dictionary with keys like require_tags goes through readFilter`,
      );
    }
    const [expected, holds] = CONDITIONS[key as keyof CapabilityFilter];
    if (value !== undefined && !holds(value)) throw typeProblem(`expected ${key} as ${expected}`);
  }
  return filter;
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
  use: FilterUse,
): boolean {
  return (
    (filter.requireTags ?? []).every((tag) => hasTag(set, tag, use)) &&
    gpuMatches(set, filter) &&
    idsMatch(set, filter, use) &&
    valuesMatch(set, filter)
  );
}

function hasTag(set: CapabilitySet, wanted: string, use: FilterUse): boolean {
  if (set.has(wanted)) return true;
  if (use === "find") return false;
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

function idsMatch(set: CapabilitySet, filter: CapabilityFilter, use: FilterUse): boolean {
  const { models, tools, taggedModelIds, taggedToolIds } = set.values;
  const { requireModels, requireTools } = filter;
  if (!anyOf(requireModels, (id) => taggedModelIds.has(id))) return false;
  if (!anyOf(requireTools, (id) => taggedToolIds.has(id))) return false;
  return (
    use === "channel" ||
    (anyOf(requireModels, (id) => models.some((model) => model.id === id)) &&
      anyOf(requireTools, (id) => tools.some((tool) => tool.toolId === id)))
  );
}

function valuesMatch(set: CapabilitySet, filter: CapabilityFilter): boolean {
  const { minMemoryGb, minContextLength, requireModalities } = filter;
  const { memoryGb, models } = set.values;
  return (
    (minMemoryGb === undefined || memoryGb >= minMemoryGb) &&
    (minContextLength === undefined ||
      models.some((model) => model.contextLength >= minContextLength)) &&
    (requireModalities ?? []).every((modality) =>
      models.some((model) => model.modalities.includes(modality)),
    )
  );
}

function anyOf(ids: readonly string[] | undefined, isThere: (id: string) => boolean): boolean {
  return ids === undefined || ids.length === 0 || ids.some(isThere);
}

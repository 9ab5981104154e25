import { asciiLowerCase } from "./ascii.js";

const GPU_VENDORS = ["nvidia", "amd", "intel", "apple", "qualcomm"] as const;

/** The vendors that have a word of their own; every other is `unknown`. */
export type GpuVendor = (typeof GPU_VENDORS)[number] | "unknown";

/**
 * The vendor a text names (Net identity format, section 8.3): ASCII letters in any case, nothing
 * before or after, no other letters.
 */
export function normalizeGpuVendor(text: string): GpuVendor {
  return gpuVendorWord(asciiLowerCase(text));
}

/** The vendor of exactly this word, as a received tag must give it (section 8.4). */
export function gpuVendorWord(word: string): GpuVendor {
  return GPU_VENDORS.find((vendor) => vendor === word) ?? "unknown";
}

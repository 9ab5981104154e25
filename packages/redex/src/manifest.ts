import { xxh3 } from "@gaiaftcl/xxh3";

/** Bytes of a manifest that mean something; what follows is ignored. */
export const MANIFEST_BYTES = 16;
/** The highest generation a manifest can name. */
export const MAX_GENERATION = 0xffff_ffff;

const MAGIC = 0x4d44_4552; // "REDM"
const VERSION = 1;

/** The 16 bytes that name generation `generation`, 1 to 2^32 - 1, as the live one (section 2.2). */
export function encodeManifest(generation: number): Uint8Array {
  const bytes = new Uint8Array(MANIFEST_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  bytes[4] = VERSION;
  view.setUint32(5, generation, true);
  view.setUint32(12, lowWord(bytes), true);
  return bytes;
}

/** The generation a manifest names, or undefined where it is not a valid one (section 2.2). */
export function decodeManifest(bytes: Uint8Array): number | undefined {
  if (bytes.length < MANIFEST_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, MANIFEST_BYTES);
  if (view.getUint32(0, true) !== MAGIC || bytes[4] !== VERSION) return undefined;
  if (bytes[9] !== 0 || bytes[10] !== 0 || bytes[11] !== 0) return undefined;
  if (view.getUint32(12, true) !== lowWord(bytes)) return undefined;
  const generation = view.getUint32(5, true);
  return generation === 0 ? undefined : generation;
}

function lowWord(bytes: Uint8Array): number {
  return Number(xxh3(bytes.subarray(0, 12)) & 0xffff_ffffn);
}

const DIRECTORY = /^v(\d{10})$/;

/** `v` and ten digits: the directory of a generation. */
export function generationDirectory(generation: number): string {
  return `v${generation.toString().padStart(10, "0")}`;
}

/** Which generation a directory's name stands for; undefined where it stands for none. */
export function generationOf(directory: string): number | undefined {
  const digits = DIRECTORY.exec(directory)?.[1];
  if (digits === undefined) return undefined;
  const generation = Number(digits);
  return generation >= 1 && generation <= MAX_GENERATION ? generation : undefined;
}

/** Whether a name has the form of a generation's directory, also where its number is out of range. */
export function isGenerationName(directory: string): boolean {
  return DIRECTORY.test(directory);
}

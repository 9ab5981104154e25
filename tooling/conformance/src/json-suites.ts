import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CanonicalJsonError, type DecodeOptions, decode } from "@gaiaftcl/canonical-json";

const suites = join(import.meta.dirname, "..", "suites");

/** The bytes of one file of a suite. */
export function suiteFile(...path: readonly string[]): Buffer {
  return readFileSync(join(suites, ...path));
}

/** The names in one folder of a suite, in order. */
export function suiteNames(...path: readonly string[]): readonly string[] {
  return readdirSync(join(suites, ...path)).sort();
}

/** "accepted", or the code with which the decoder refused. Any other error is thrown on. */
export function verdict(bytes: Uint8Array, options?: DecodeOptions): string {
  try {
    decode(bytes, options);
    return "accepted";
  } catch (error) {
    if (error instanceof CanonicalJsonError) return error.code;
    throw error;
  }
}

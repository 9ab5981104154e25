import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Test data captured from net-mesh 0.19.0; integers above 2^53 are read as bigints. */
export const vectorsDirectory: string = join(import.meta.dirname, "..", "vectors");

export interface ModelCase {
  readonly case: string;
  readonly model: "tasks" | "memories";
  readonly channel: string;
  readonly origin_hash: bigint;
  readonly ops: readonly {
    readonly op: string;
    readonly args: readonly (bigint | string | readonly string[])[];
    readonly seq: bigint;
    readonly payload: string;
  }[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly last_seq: bigint;
  readonly queries: readonly {
    readonly filter: Readonly<Record<string, unknown>>;
    readonly ids: readonly bigint[];
    readonly ordered: "exact" | "set";
  }[];
}

export interface BundleCase {
  readonly file: string;
  readonly bytes: string;
  readonly byte_exact: boolean;
  readonly decoded: Readonly<
    Record<
      "tasks" | "memories",
      {
        readonly app_seq: bigint;
        readonly last_seq: bigint | null;
        readonly rows: readonly Readonly<Record<string, unknown>>[];
      } | null
    >
  >;
}

interface Vectors {
  readonly cortex: readonly ModelCase[];
  readonly snapshots: readonly BundleCase[];
}

/** Every integer as a bigint: none of these numbers is a fraction. */
export function loadVectors(): Vectors {
  const text = readFileSync(join(vectorsDirectory, "cortex.json"), "utf8");
  return JSON.parse(
    text,
    function reviver(this: unknown, _key, value, context?: { source: string }) {
      return typeof value === "number" ? BigInt(context?.source ?? value) : value;
    },
  );
}

export function modelCase(name: string): ModelCase {
  const found = loadVectors().cortex.find((each) => each.case === name);
  if (found === undefined) throw new RangeError(`no vector ${name}`);
  return found;
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

export function unhex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}

/** `created_after_ns` as `createdAfterNs`: the names of the format as those of the API. */
export function camel(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [
      name.replace(/_([a-z])/gu, (_match, letter: string) => letter.toUpperCase()),
      name === "limit" ? Number(value) : value,
    ]),
  );
}

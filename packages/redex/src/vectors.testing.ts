import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface RecoveredEvent {
  readonly seq: bigint;
  readonly payload: string;
  readonly checksum: number;
  readonly inline: boolean;
}

export interface RecoveryCase {
  readonly case: string;
  readonly what: string;
  readonly recovered: readonly RecoveredEvent[];
  readonly len: number;
  readonly next_seq: bigint;
  readonly files_after_open: Readonly<Record<string, string>>;
  readonly second_open_after_appending_NEW: readonly Pick<RecoveredEvent, "seq" | "payload">[];
  readonly second_open_next_seq: bigint;
}

export interface Vectors {
  readonly xxh3_64: readonly { readonly input: string; readonly hash: string }[];
  readonly manifest: readonly { readonly generation: number; readonly bytes: string }[];
  readonly entries: readonly {
    readonly seq: bigint;
    readonly offset: number;
    readonly payload: string;
    readonly inline: boolean;
    readonly bytes: string;
  }[];
  readonly recovery: readonly RecoveryCase[];
  readonly errors: readonly { readonly call: string; readonly message: string }[];
}

const directory = join(import.meta.dirname, "..", "vectors");

/** The vectors made with 0.19.0; sequence numbers as bigints, however large. */
export const vectors: Vectors = JSON.parse(
  readFileSync(join(directory, "redex.json"), "utf8").replace(
    /"(seq|next_seq|second_open_next_seq)": (\d+)/g,
    '"$1": "$2"',
  ),
  (key, value) =>
    ["seq", "next_seq", "second_open_next_seq"].includes(key) ? BigInt(value) : value,
);

/** Puts what a recovery case starts from into `target`. */
export function placeCase(name: string, target: string): void {
  mkdirSync(target, { recursive: true });
  const before = join(directory, "redex", name, "before");
  if (existsSync(before)) cpSync(before, target, { recursive: true });
}

/** Every file below a directory in hex, by its path with `/`. */
export function filesBelow(root: string, prefix = ""): Record<string, string> {
  const files: Record<string, string> = {};
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    const path = join(root, entry.name);
    if (entry.isDirectory()) Object.assign(files, filesBelow(path, `${prefix}${entry.name}/`));
    else files[prefix + entry.name] = readFileSync(path).toString("hex");
  }
  return files;
}

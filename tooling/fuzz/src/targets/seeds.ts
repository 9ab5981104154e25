import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

const packages = join(import.meta.dirname, "..", "..", "..", "..", "packages");
const HEX = /^(?:[\da-f]{2})+$/u;

/** Every text of a package's vectors that is hexadecimal, as the bytes it stands for. */
export function vectorBytes(file: string): Uint8Array[] {
  return leaves(readJson(file))
    .filter((text) => HEX.test(text))
    .map((text) => Buffer.from(text, "hex"));
}

/** Every text of a package's vectors. */
export function vectorTexts(file: string): string[] {
  return [...new Set(leaves(readJson(file)))];
}

/** Every object and list of a package's vectors, as JSON. */
export function vectorJson(file: string): string[] {
  return [...new Set(containers(readJson(file)).map((value) => JSON.stringify(value)))];
}

/** The files of a package's directory, by their paths in it. */
export function vectorFiles(directory: string): ReadonlyMap<string, Uint8Array> {
  const path = join(packages, directory);
  return new Map(
    readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((file) => [relative(path, file), readFileSync(file)]),
  );
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(join(packages, file), "utf8"));
}

function leaves(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(leaves) : [];
}

function containers(value: unknown): object[] {
  if (typeof value !== "object" || value === null) return [];
  return [value, ...Object.values(value).flatMap(containers)];
}

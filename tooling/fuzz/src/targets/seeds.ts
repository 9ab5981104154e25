import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

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

/** The files of a package's directory. */
export function vectorFiles(directory: string): Uint8Array[] {
  const path = join(packages, directory);
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
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

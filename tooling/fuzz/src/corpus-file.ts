import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

const directory = join(import.meta.dirname, "..", "corpus");
const MAX_INPUTS = 100;
const MAX_BYTES = 8 * 1024;

/** The inputs kept for a target: a text file, one input in base64 a line. */
export async function readCorpus(target: string): Promise<Uint8Array[]> {
  try {
    const text = await readFile(pathOf(target), "utf8");
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => Buffer.from(line === "-" ? "" : line, "base64"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Keeps the short ones of `inputs`, as many as a repository should hold. */
export async function writeCorpus(target: string, inputs: readonly Uint8Array[]): Promise<void> {
  const kept: Uint8Array[] = [];
  let size = 0;
  for (const input of inputs) {
    size += input.length;
    if (kept.length === MAX_INPUTS || size > MAX_BYTES) break;
    kept.push(input);
  }
  const lines = kept.map((input) =>
    input.length === 0 ? "-" : Buffer.from(input).toString("base64"),
  );
  if (lines.length === 0) {
    await rm(pathOf(target), { force: true });
    return;
  }
  await mkdir(dirname(pathOf(target)), { recursive: true });
  await writeFile(pathOf(target), `${lines.join("\n")}\n`);
}

function pathOf(target: string): string {
  return join(directory, `${target}.txt`);
}

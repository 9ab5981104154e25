import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const packageDirectory = join(import.meta.dirname, "..");

test("the README's example runs and prints what its comments say", async () => {
  const readme = await readFile(join(packageDirectory, "README.md"), "utf8");
  const example = /```ts\n(.*?)```/su.exec(readme)?.[1] ?? "";
  // Inside the package, so that the import of its own name resolves to what is published.
  const directory = await mkdtemp(join(packageDirectory, ".readme-"));
  try {
    const file = join(directory, "example.ts");
    await writeFile(file, example);
    const { stdout } = await promisify(execFile)(process.execPath, [file]);
    const promised = [...example.matchAll(/(?:^|; )\/\/ (.*)$/gmu)].map(([, text]) => text);
    expect(promised).toHaveLength(6);
    expect(stdout.trimEnd().split("\n")).toEqual(promised);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

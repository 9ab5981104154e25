import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const packageDirectory = join(import.meta.dirname, "..");

it("the example of the README runs and prints what it says", async () => {
  const readme = await readFile(join(packageDirectory, "README.md"), "utf8");
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  // Inside the package, so that its own name resolves to what was built.
  const directory = await mkdtemp(join(packageDirectory, ".readme-"));
  try {
    const file = join(directory, "example.ts");
    await writeFile(file, example);
    const { stdout } = await promisify(execFile)(process.execPath, [file]);
    const expected = [...example.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm)].map(
      (line) => line[1],
    );
    expect(expected.length).toBeGreaterThan(0);
    expect(stdout.trimEnd().split("\n")).toEqual(expected);
  } finally {
    await rm(directory, { recursive: true });
  }
});

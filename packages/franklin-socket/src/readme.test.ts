import { execFile } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const run = promisify(execFile);

it("the example of the README runs and prints what it says", async () => {
  const directory = join(import.meta.dirname, "..");
  const readme = await readFile(join(directory, "README.md"), "utf8");
  const source = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const printed = /```text\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  expect(source).not.toBe("");
  // Inside the package, so that it finds itself by its name.
  const file = join(directory, `.readme-example-${process.pid}.ts`);
  await writeFile(file, source);
  try {
    const { stdout } = await run(process.execPath, [file]);
    expect(stdout).toBe(printed);
  } finally {
    await rm(file, { force: true });
  }
});

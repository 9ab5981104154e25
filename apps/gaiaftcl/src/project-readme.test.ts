import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

const project = join(import.meta.dirname, "../../..");
let directory: string;
let examples: readonly string[];

// Below this package, so that the examples find theirs by name, as a reader's program does.
beforeAll(async () => {
  directory = await mkdtemp(join(import.meta.dirname, "..", ".readme-"));
  const readme = await readFile(join(project, "README.md"), "utf8");
  examples = [...readme.matchAll(/```ts\n(.*?)```/gsu)].map((match) => match[1] ?? "");
});

afterAll(() => rm(directory, { recursive: true, force: true }));

async function runExample(index: number): Promise<{ stdout: string; stderr: string }> {
  const file = join(directory, `example-${index}.ts`);
  await writeFile(file, examples[index] ?? "");
  return await new Promise((resolve) => {
    execFile(process.execPath, [file], { cwd: directory }, (_, stdout, stderr) =>
      resolve({ stdout, stderr }),
    );
  });
}

it("the project's README shows the codec, which refuses what the comment says", async () => {
  const { stderr } = await runExample(0);
  expect(stderr).toMatch(/CanonicalJsonError: .* at byte 7/);
});

it("the project's README shows the verifier, which prints what the comment says", async () => {
  const { stdout, stderr } = await runExample(1);
  expect({ stdout, stderr }).toEqual({ stdout: "true facets 1\n", stderr: "" });
});

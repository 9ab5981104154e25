import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { runReadmeExample } from "@gaiaftcl/config/readme-example";
import { expect, it } from "vitest";

const packageDirectory = join(import.meta.dirname, "..");

it("the README's example prints what stands below it", async () => {
  const readme = await readFile(join(packageDirectory, "README.md"), "utf8");
  const promised = /```text\n(.*?)```/su.exec(readme)?.[1]?.trimEnd().split("\n");
  const { printed } = await runReadmeExample(packageDirectory);
  expect(printed).toEqual(promised);
});

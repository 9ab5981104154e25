import { join } from "node:path";
import { runReadmeExample } from "@gaiaftcl/config/readme-example";
import { expect, it } from "vitest";

it("the README's example prints what its comments say", async () => {
  const { printed, promised } = await runReadmeExample(join(import.meta.dirname, ".."));
  expect(promised).toHaveLength(3);
  expect(printed).toEqual(promised);
});

import { join } from "node:path";
import { runReadmeExample } from "@gaiaftcl/config/readme-example";
import { expect, it } from "vitest";

it("the README's example prints what its comments say", async () => {
  const { printed } = await runReadmeExample(join(import.meta.dirname, ".."));
  expect(printed).toEqual(["0n", "1n", "0 created", "1 paid", "2 shipped", "3"]);
});

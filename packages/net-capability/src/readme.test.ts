import { join } from "node:path";
import { runReadmeExample } from "@gaiaftcl/config/readme-example";
import { expect, it } from "vitest";

it("the README's example announces a node, and another node finds it by what it has", async () => {
  const { printed } = await runReadmeExample(join(import.meta.dirname, ".."));
  expect(printed).toEqual(["accepted indexed", "true", "0"]);
});

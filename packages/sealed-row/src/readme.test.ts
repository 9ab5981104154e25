import { join } from "node:path";
import { runReadmeExample } from "@gaiaftcl/config/readme-example";
import { expect, it } from "vitest";

it("the README's example seals a row, verifies it, and finds the change in a changed one", async () => {
  const { printed } = await runReadmeExample(join(import.meta.dirname, ".."));
  expect(printed).toEqual([
    expect.stringMatching(/^true verified \(facets\): .*unsigned: proves consistency/),
    "false witness.text",
  ]);
});

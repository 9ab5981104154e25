import { join } from "node:path";
import { runReadmeExample } from "@gaiaftcl/config/readme-example";
import { expect, it } from "vitest";

it("the README's example prints what it says", async () => {
  const { printed } = await runReadmeExample(join(import.meta.dirname, ".."));
  expect(printed).toEqual(["89 true", "false replay", "[ 'hello' ] 1025"]);
});

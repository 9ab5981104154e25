import { dirname, join } from "node:path";
import { runReadmeExample } from "@gaiaftcl/config/readme-example";
import { expect, it } from "vitest";
import { scratchDirectory, TestCell } from "./test-cell.testing.js";

it("the README's example reads the newest rows of a cell and verifies its database", async () => {
  const cell = new TestCell(join(scratchDirectory(), "substrate.sqlite"));
  cell.telemetry(5);
  const { printed } = await runReadmeExample(join(import.meta.dirname, ".."), {
    env: { GAIAFTCL_DATA: dirname(cell.path) },
  });
  expect(printed).toEqual([
    "5n 2026-11-20T00:00:04.000Z drift true facets",
    "4n 2026-11-20T00:00:03.000Z drift true facets",
    "3n 2026-11-20T00:00:02.000Z drift true facets",
    "true 5 rows in 7 tables verified",
  ]);
});

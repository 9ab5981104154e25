import { expect, it } from "vitest";
import { StatusLines } from "./status-lines.js";

it("says once that a broker cannot be reached, and again after it was", () => {
  const lines = new StatusLines();
  const unreachable = {
    type: "unreachable",
    broker: "substrate",
    error: new Error("connection refused"),
  } as const;
  expect(lines.lineFor(unreachable)).toBe(
    "the substrate broker cannot be reached (connection refused); trying on",
  );
  expect(lines.lineFor(unreachable)).toBeUndefined();
  expect(lines.lineFor({ ...unreachable, broker: "franklin" })).toContain("franklin");
  expect(lines.lineFor({ type: "connected", broker: "substrate", server: "127.0.0.1:1" })).toBe(
    "connected to the substrate broker at 127.0.0.1:1",
  );
  expect(lines.lineFor(unreachable)).toBeDefined();
});

it("names what comes from where, and what was lost", () => {
  const lines = new StatusLines();
  expect(
    lines.lineFor({
      type: "database",
      broker: "shared",
      tables: ["franklin_commands"],
      reason: "no connection",
    }),
  ).toBe("rows come from the database (no connection): franklin_commands");
  expect(lines.lineFor({ type: "dropped", count: 2, total: 5 })).toContain("5 in all");
  expect(lines.lineFor({ type: "closed" })).toBeUndefined();
});

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { instrument } from "./instrument.ts";
import { counters, endTrace, startTrace } from "./probe.ts";

const probe = pathToFileURL(join(import.meta.dirname, "probe.ts")).href;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(import.meta.dirname, ".instrumented-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

let modules = 0;

/** What the module exports as `f`, instrumented, and how many blocks it has. */
async function instrumented(
  source: string,
): Promise<{ readonly f: (...args: never[]) => unknown; readonly blocks: number }> {
  let blocks = 0;
  const file = join(directory, `module-${modules++}.mjs`);
  await writeFile(
    file,
    instrument(source, probe, () => blocks++),
  );
  const { f } = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as {
    readonly f: (...args: never[]) => unknown;
  };
  return { f, blocks };
}

describe("an instrumented module", () => {
  it.each<[string, unknown]>([
    ["export const f = (a = 5) => (a === 5 ? (a > 4 && 'yes') || 'no' : 0);", "yes"],
    ["export function f() { for (let i = 0; ; i++) if (i >= 3) return i; }", 3],
    ["export function f() { let n = 0; do n += 1; while (n < 7); return n; }", 7],
    [
      "export function f() { switch (3) { case 1: return 1; case 3: case 4: { return 'three'; } default: return 0; } }",
      "three",
    ],
    [
      "export const f = () => { try { throw new Error('x'); } catch ({ message }) { return message; } };",
      "x",
    ],
    [
      "class A { #a = 1; has() { return #a in this; } get b() { return this.#a; } }\nexport const f = () => new A().has() && new A().b;",
      1,
    ],
    ["export const f = () => (1 < 2) === ((3) /* > */ > (4) === false);", true],
    ["export const f = () => [1, 2, 3].map((x) => ({ x })).filter(({ x }) => x !== 2).length;", 2],
    [
      "export function* g() { yield 1; yield* [2, 3]; }\nexport const f = () => [...g()].join();",
      "1,2,3",
    ],
    [
      "export const f = () => { let s = ''; for (const k in { a: 1, b: 2 }) s += k; return s; };",
      "ab",
    ],
    ["export const f = () => { const o = { a: null }; o.a ??= 4; return o.a ?? 5; };", 4],
    [
      "export const f = () => { outer: for (const a of [1, 2]) for (const b of [1, 2]) if (a + b > 2) { break outer; } else continue outer; return 'out'; };",
      "out",
    ],
  ])("does what it did: %s", async (source, result) => {
    const { f } = await instrumented(source);
    expect(f()).toBe(result);
  });

  it("counts the blocks that run, and says what it compares", async () => {
    const { f, blocks } = await instrumented(
      "export function f(a) { if (a === 'magic') return 1; for (let i = 0; i < 3; i++) { a += i; } return a; }",
    );
    counters.fill(0);
    startTrace();
    expect(f("x" as never)).toBe("x012");
    expect(endTrace()).toContainEqual(["x", "magic"]);
    expect(blocks).toBe(3);
    expect([...counters.subarray(0, blocks)].sort()).toEqual([0, 1, 3]);
  });

  it("keeps its lines", () => {
    const source = "export const a = 1;\n\nexport const f = () =>\n  a === 1;\n";
    expect(instrument(source, probe, () => 0).split("\n")).toHaveLength(source.split("\n").length);
  });
});

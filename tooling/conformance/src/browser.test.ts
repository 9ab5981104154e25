import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bundle, bundleFor } from "./browser-bundle.ts";
import { type ChromiumPage, openInChromium } from "./browser-chromium.ts";
import type { PageOutput } from "./browser-page.ts";
import { cell, documents, pageInput } from "./browser-vectors.ts";
import { verdictTable } from "./ed25519-table.ts";

const input = pageInput();

describe.each([
  ["a browser", ["browser", "import"]],
  ["an edge runtime", ["workerd", "worker", "import"]],
  ["no platform in particular", ["import"]],
])("a bundle for %s", (_, conditions) => {
  it("has the noble engine, nothing of Node, and nothing left to import", async () => {
    const bundle = await bundleFor(conditions, "browser-page.ts");
    expect(bundle.inputs).toContain("packages/witness/dist/engine-noble.js");
    expect(bundle.inputs).not.toContain("packages/witness/dist/engine-node.js");
    expect(bundle.imports).toEqual([]);
    expect(bundle.code).not.toMatch(/node:|require\(|\bBuffer\b|\bprocess\./);
  });
});

describe("in Chromium", () => {
  let bundle: Bundle;
  let chromium: ChromiumPage;
  let output: PageOutput;

  beforeAll(async () => {
    bundle = await bundleFor(["browser", "import"], "browser-page.ts");
    chromium = await openInChromium(bundle.code);
    output = await chromium.page.evaluate((vectors) => globalThis.runVectors(vectors), input);
  }, 120_000);

  afterAll(async () => {
    await chromium?.[Symbol.asyncDispose]();
  });

  it("the page is real and without errors", async () => {
    expect(chromium.version).toMatch(/^\d+\./);
    expect(await chromium.page.evaluate("navigator.userAgent")).toContain("Chrome");
    expect(await chromium.page.evaluate("typeof process + typeof Buffer")).toBe(
      "undefinedundefined",
    );
    expect(chromium.errors).toEqual([]);
  });

  it("the Ed25519 verdicts and signatures are those of every other runtime", () => {
    expect(output.judgement.engine).toBe("noble");
    expect(output.judgement.verdicts).toEqual(verdictTable);
    expect(output.judgement.signed).toEqual(
      input.ed25519.signing.map((one) => `${one.publicKey} ${one.signature}`),
    );
  });

  it("facets are those of the vectors", () => {
    expect(output.facets).toEqual(cell.facets.map((vector) => vector.facets));
  });

  it("manifests are cosigned to the same bytes and verify as signed", () => {
    expect(output.cosigned).toEqual(input.manifests.map((manifest) => manifest.signed));
    expect(output.reports.map(({ ok, level }) => [ok, level])).toEqual(
      input.manifests.map(() => [true, "signed"]),
    );
    expect(output.tampered.map(({ ok, level }) => [ok, level])).toEqual(
      input.manifests.map(() => [false, "witness"]),
    );
  });

  it("frames are encoded to the same bytes", () => {
    const expected = cell.frames.map((frame) =>
      Buffer.from(frame.canonical_hex, "hex").toString("utf8"),
    );
    expect(output.frames.map((frame) => frame.encoded)).toEqual(expected);
    expect(output.frames.map((frame) => frame.portable)).toEqual(expected);
  });

  it("the documents of RFC 8785 become their canonical form", () => {
    expect(documents.length).toBeGreaterThanOrEqual(6);
    expect(output.documents).toEqual(documents.map((document) => document.output));
  });
});

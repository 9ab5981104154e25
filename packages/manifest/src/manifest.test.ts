import { encode } from "@gaiaftcl/canonical-json";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_ARTIFACTS } from "./artifact.js";
import { Manifest } from "./manifest.js";
import { ManifestError, type ManifestErrorCode } from "./manifest-error.js";
import { plainVector, unicodeVector, vectors, type WireManifest } from "./vectors.testing.js";

const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const { unsigned } = plainVector;

/** A valid manifest with what the test is about. */
function manifestOf(fields: Partial<Parameters<typeof Manifest.create>[0]> = {}): Manifest {
  return Manifest.create({
    cellId: "cell",
    domainId: "domain",
    producedAtIso: "2026-06-01T11:30:00Z",
    artifacts: [],
    ...fields,
  });
}

function file(path: string): { path: string; sha256: string; bytes: number } {
  return { path, sha256: EMPTY_SHA256, bytes: 0 };
}

function refusal(input: unknown): ManifestErrorCode | undefined {
  try {
    Manifest.fromJson(typeof input === "string" ? input : JSON.stringify(input));
    return undefined;
  } catch (error) {
    if (error instanceof ManifestError) return error.code;
    throw error;
  }
}

describe("the manifests of the format's vectors", () => {
  it.each(
    vectors.manifests.flatMap(({ unsigned, signed, artifacts_digest }) => [
      { wire: unsigned, artifacts_digest },
      { wire: signed, artifacts_digest },
    ]),
  )("are read and written with the same fields: $wire.produced_at_iso", (vector) => {
    const manifest = Manifest.fromJson(JSON.stringify(vector.wire));
    expect(manifest.artifactsDigest).toBe(vector.artifacts_digest);
    expect(manifest.canonicalWitness).toBe(vector.wire.canonical_witness);
    expect(manifest.witnessHash).toBe(vector.wire.witness_hash_sha256);
    expect(manifest.leanArtifactPath).toBe(vector.wire.lean_artifact_path);
    expect(manifest.tauBlock).toBe(vector.wire.tau_block);
    expect(JSON.parse(manifest.toJson())).toEqual(vector.wire);
    expect(manifest.toJson()).toBe(encode(vector.wire));
  });

  it.each(vectors.manifests)("are made from their fields: $prefix", ({ unsigned: wire }) => {
    const manifest = Manifest.create({
      cellId: wire.cell_id,
      domainId: wire.domain_id,
      producedAtIso: wire.produced_at_iso,
      artifacts: wire.artifacts.toReversed(),
      leanArtifactPath: wire.lean_artifact_path,
      tauBlock: wire.tau_block,
    });
    expect(JSON.parse(manifest.toJson())).toEqual(wire);
  });
});

describe("reading a manifest refuses", () => {
  const changed = (changes: Record<string, unknown>): Record<string, unknown> => ({
    ...unsigned,
    ...changes,
  });
  const artifact = { ...unsigned.artifacts[0] };
  const withArtifact = (changes: Record<string, unknown>): Record<string, unknown> =>
    changed({ artifacts: [{ ...artifact, ...changes }, ...unsigned.artifacts.slice(1)] });
  const without = (name: keyof WireManifest): Record<string, unknown> => {
    const { [name]: _, ...rest } = unsigned;
    return rest;
  };

  it.each<[string, ManifestErrorCode, unknown]>([
    ["nothing", "JSON", ""],
    ["half a manifest", "JSON", JSON.stringify(unsigned).slice(0, 300)],
    ["a byte-order mark", "JSON", `\ufeff${JSON.stringify(unsigned)}`],
    ["bytes after the end", "JSON", `${JSON.stringify(unsigned)}x`],
    ["a duplicate key", "JSON", JSON.stringify(unsigned).replace("{", '{"cell_id":"evil",')],
    [
      "a duplicate key in an artifact",
      "JSON",
      JSON.stringify(unsigned).replace('"bytes":31', '"bytes":31,"bytes":32'),
    ],
    ["an array", "FIELD", []],
    ["null", "FIELD", "null"],
    ["another version", "VERSION", changed({ manifest_version: "1.1" })],
    ["a version that is a number", "FIELD", changed({ manifest_version: 1 })],
    ["no cell id", "FIELD", without("cell_id")],
    ["no domain id", "FIELD", without("domain_id")],
    ["no time", "FIELD", without("produced_at_iso")],
    ["no artifacts", "FIELD", without("artifacts")],
    ["no witness", "FIELD", without("canonical_witness")],
    ["no witness hash", "FIELD", without("witness_hash_sha256")],
    ["no quintet", "QUINTET", without("signature_quintet")],
    ["a member of the prototype", "FIELD", '{"__proto__":{"manifest_version":"1.0"}}'],
    ["a separator in the cell id", "IDENTITY", changed({ cell_id: "a;domain=b" })],
    ["another separator in the domain id", "IDENTITY", changed({ domain_id: "a|b" })],
    ["a decomposed cell id", "IDENTITY", changed({ cell_id: "e\u0301" })],
    ["a control character", "IDENTITY", changed({ domain_id: "a\n" })],
    ["a lean path of 256 bytes", "IDENTITY", changed({ lean_artifact_path: "a".repeat(256) })],
    ["a lean path that is null", "FIELD", changed({ lean_artifact_path: null })],
    ["a height that is a text", "FIELD", changed({ tau_block: "17" })],
    ["a height that is null", "FIELD", changed({ tau_block: null })],
    ["a height below zero", "TAU_BLOCK", changed({ tau_block: -1 })],
    ["a height with a fraction", "TAU_BLOCK", changed({ tau_block: 1.5 })],
    [
      "a height that a double does not hold",
      "TAU_BLOCK",
      JSON.stringify(changed({ tau_block: 1 })).replace(
        '"tau_block":1',
        '"tau_block":9007199254740993',
      ),
    ],
    ["a time of its own form", "PRODUCED_AT", changed({ produced_at_iso: "2026-06-01" })],
    [
      "a day that does not exist",
      "PRODUCED_AT",
      changed({ produced_at_iso: "2026-02-30T00:00:00Z" }),
    ],
    ["artifacts that are no array", "FIELD", changed({ artifacts: {} })],
    ["an artifact that is no object", "FIELD", changed({ artifacts: ["a"] })],
    ["a path that climbs", "ARTIFACT_PATH", withArtifact({ path: "../a" })],
    ["a path that is a number", "ARTIFACT_PATH", withArtifact({ path: 1 })],
    ["a hash in upper case", "FIELD", withArtifact({ sha256: "A".repeat(64) })],
    ["a short hash", "FIELD", withArtifact({ sha256: "a".repeat(63) })],
    ["a size below zero", "FIELD", withArtifact({ bytes: -1 })],
    ["a size with a fraction", "FIELD", withArtifact({ bytes: 0.5 })],
    ["a size that is a text", "FIELD", withArtifact({ bytes: "31" })],
    [
      "a size that a double does not hold",
      "FIELD",
      JSON.stringify(unsigned).replace('"bytes":31', '"bytes":9007199254740993'),
    ],
    ["another order", "ARTIFACT_ORDER", changed({ artifacts: unsigned.artifacts.toReversed() })],
    [
      "the order of UTF-16",
      "ARTIFACT_ORDER",
      { ...unicodeVector.unsigned, artifacts: [file("pkg/😀.js"), file("pkg/Ａ.js")] },
    ],
    ["a path twice", "ARTIFACT_DUPLICATE", changed({ artifacts: [file("a"), file("a")] })],
    [
      "paths that differ in case",
      "ARTIFACT_DUPLICATE",
      changed({ artifacts: [file("A"), file("a")] }),
    ],
    [
      "paths that differ in the case of one accented letter",
      "ARTIFACT_DUPLICATE",
      changed({ artifacts: [file("É"), file("é")] }),
    ],
    [
      "paths that differ in a sigma",
      "ARTIFACT_DUPLICATE",
      changed({ artifacts: [file("ς"), file("σ")] }),
    ],
    ["a witness of other fields", "WITNESS", changed({ cell_id: "other" })],
    ["a witness of another time", "WITNESS", changed({ produced_at_iso: "2026-06-01T11:30:01Z" })],
    ["a witness of other artifacts", "WITNESS", withArtifact({ bytes: 32 })],
    [
      "a witness of fewer artifacts",
      "WITNESS",
      changed({ artifacts: unsigned.artifacts.slice(1) }),
    ],
    [
      "a witness hash of something else",
      "WITNESS_HASH",
      changed({ witness_hash_sha256: EMPTY_SHA256 }),
    ],
    [
      "a witness hash in upper case",
      "WITNESS_HASH",
      changed({ witness_hash_sha256: unsigned.witness_hash_sha256.toUpperCase() }),
    ],
    ["a quintet of four", "QUINTET", changed({ signature_quintet: ["a", "b", "c", "d"] })],
    ["a quintet of six", "QUINTET", changed({ signature_quintet: ["a", "b", "c", "d", "e", "f"] })],
    ["a quintet with a number", "QUINTET", changed({ signature_quintet: ["a", "b", "c", "d", 5] })],
    ["a quintet that is a text", "QUINTET", changed({ signature_quintet: "abcde" })],
  ])("%s (%s)", (_, code, input) => {
    expect(refusal(input)).toBe(code);
  });

  it("more than 16 MiB before it parses them", () => {
    const bytes = new Uint8Array(16 * 1024 * 1024 + 1).fill(0x20);
    expect(() => Manifest.fromJson(bytes)).toThrow(expect.objectContaining({ code: "TOO_LARGE" }));
  });

  it("more than 100,000 artifacts", () => {
    const artifacts = Array.from({ length: MAX_ARTIFACTS + 1 }, () => ({}));
    expect(refusal(changed({ artifacts }))).toBe("ARTIFACT_COUNT");
  });

  it("100,000 levels of brackets without using up the stack", () => {
    expect(refusal("[".repeat(100_000))).toBe("JSON");
  });

  it("invalid UTF-8", () => {
    const bytes = Buffer.from(JSON.stringify(changed({ note: "ab" })));
    bytes[bytes.indexOf("ab")] = 0xff;
    expect(() => Manifest.fromJson(bytes)).toThrow(expect.objectContaining({ code: "JSON" }));
  });
});

describe("a manifest", () => {
  it("keeps members it does not know, in itself and in artifacts, and never uses them", () => {
    const wire = {
      ...unsigned,
      "x-note": { deep: [1, null, "é"], fraction: 0.5 },
      artifacts: unsigned.artifacts.map((artifact) => ({ ...artifact, mode: "0644" })),
    };
    const text = JSON.stringify(wire).replace(
      "{",
      '{"__proto__":{"cell_id":"evil"},"big":123456789012345678901,',
    );
    const manifest = Manifest.fromJson(text);
    expect(manifest.cellId).toBe(unsigned.cell_id);
    expect(Object.keys(manifest.artifacts[0] ?? {})).toEqual(["path", "sha256", "bytes"]);
    const written = manifest.toJson();
    expect(written).toContain('"__proto__":{"cell_id":"evil"}');
    expect(written).toContain('"big":123456789012345678901');
    expect(JSON.parse(written)).toMatchObject(wire);
    expect(Manifest.fromJson(written).toJson()).toBe(written);
  });

  it("says the same whether its lean path is absent or empty", () => {
    const empty = Manifest.fromJson(JSON.stringify({ ...unsigned, lean_artifact_path: "" }));
    expect(empty.leanArtifactPath).toBeUndefined();
    expect(empty.toJson()).toBe(Manifest.fromJson(JSON.stringify(unsigned)).toJson());
  });

  it("may list no file at all", () => {
    const manifest = manifestOf();
    expect(manifest.canonicalWitness).toContain(";count=0;");
    expect(Manifest.fromJson(manifest.toJson()).artifacts).toEqual([]);
  });

  it("may list 100,000 files", () => {
    const artifacts = Array.from({ length: MAX_ARTIFACTS }, (_, index) => file(`${index}`));
    const manifest = manifestOf({ artifacts });
    expect(Manifest.fromJson(manifest.toJson()).witnessHash).toBe(manifest.witnessHash);
  });

  it("is not made of what could not be read again", () => {
    const artifacts = Array.from({ length: 20_000 }, (_, index) =>
      file(`${`${"d".repeat(250)}/`.repeat(3)}${index}`),
    );
    expect(() => manifestOf({ artifacts })).toThrow(expect.objectContaining({ code: "TOO_LARGE" }));
    expect(() => manifestOf({ artifacts: [file("a"), file("A")] })).toThrow(
      expect.objectContaining({ code: "ARTIFACT_DUPLICATE" }),
    );
    expect(() => manifestOf({ tauBlock: 2n ** 53n })).toThrow(
      expect.objectContaining({ code: "TAU_BLOCK" }),
    );
    expect(() => manifestOf({ producedAtIso: "now" })).toThrow(
      expect.objectContaining({ code: "PRODUCED_AT" }),
    );
  });

  it("cannot be changed", () => {
    const manifest = Manifest.fromJson(JSON.stringify(unsigned));
    expect(Object.isFrozen(manifest)).toBe(true);
    expect(Object.isFrozen(manifest.artifacts)).toBe(true);
    expect(Object.isFrozen(manifest.artifacts[0])).toBe(true);
    expect(Object.isFrozen(manifest.quintet)).toBe(true);
  });

  const identityText = fc.stringMatching(/^[a-zA-Zé0-9 ./_-]{0,20}$/);
  const segment = fc.stringMatching(/^[a-z0-9_é😀-]{1,12}$/u);

  it("is read back as it was written", () => {
    fc.assert(
      fc.property(
        fc.record({
          cellId: identityText,
          domainId: identityText,
          leanArtifactPath: fc.option(identityText, { nil: undefined }),
          tauBlock: fc.option(fc.maxSafeNat(), { nil: undefined }),
          artifacts: fc.uniqueArray(
            fc.record({
              path: fc
                .array(segment, { minLength: 1, maxLength: 4 })
                .map((parts) => `x${parts.join("/x")}`),
              sha256: fc.constant(EMPTY_SHA256),
              bytes: fc.maxSafeNat(),
            }),
            { selector: ({ path }) => path.toLowerCase() },
          ),
        }),
        (fields) => {
          const manifest = manifestOf(fields);
          const again = Manifest.fromJson(Buffer.from(manifest.toJson()));
          expect(again).toEqual(manifest);
          expect(again.toJson()).toBe(manifest.toJson());
        },
      ),
    );
  });

  it("is never read from bytes that differ in anything its witness covers", () => {
    const bytes = Buffer.from(JSON.stringify(plainVector.signed));
    const original = Manifest.fromJson(bytes);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (position, value) => {
        const mutated = Buffer.from(bytes);
        mutated[position] = value;
        try {
          const { canonicalWitness, artifacts } = Manifest.fromJson(mutated);
          expect(canonicalWitness).toBe(original.canonicalWitness);
          expect(artifacts).toEqual(original.artifacts);
        } catch (error) {
          expect(error).toBeInstanceOf(ManifestError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("is refused with a ManifestError, whatever the bytes are", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          expect(() => Manifest.fromJson(bytes)).toThrow(ManifestError);
        },
      ),
    );
  });
});

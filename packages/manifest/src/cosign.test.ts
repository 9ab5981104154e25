import { CONTEXTS, type FederationContext, federationKeys } from "@gaiaftcl/witness";
import { generateKeyPair } from "@gaiaftcl/witness/ed25519";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cosign, Manifest, verifyManifestSeal } from "./manifest.js";
import { holderOf, plainVector, trustedKeys, vectors } from "./vectors.testing.js";

const unsigned = Manifest.fromJson(JSON.stringify(plainVector.unsigned));

function signedBy(contexts: readonly FederationContext[], manifest = unsigned): Manifest {
  return contexts.reduce(
    (signed, context) => cosign(signed, context, holderOf(context).privateKey),
    manifest,
  );
}

describe("cosigning", () => {
  it.each(vectors.manifests)("gives the signed manifest of the vectors: $prefix", (vector) => {
    const manifest = Manifest.fromJson(JSON.stringify(vector.unsigned));
    expect(JSON.parse(signedBy(CONTEXTS, manifest).toJson())).toEqual(vector.signed);
  });

  it("gives one manifest whatever the order is, and through files on five hosts", () => {
    const inOrder = signedBy(CONTEXTS).toJson();
    fc.assert(
      fc.property(fc.shuffledSubarray([...CONTEXTS], { minLength: 5 }), (order) => {
        let file = unsigned.toJson();
        for (const context of order) file = signedBy([context], Manifest.fromJson(file)).toJson();
        expect(file).toBe(inOrder);
      }),
      { numRuns: 20 },
    );
  });

  it("keeps members that are not known", () => {
    const manifest = Manifest.fromJson(JSON.stringify({ ...plainVector.unsigned, note: "kept" }));
    expect(JSON.parse(signedBy(["cell_id"], manifest).toJson())).toMatchObject({ note: "kept" });
  });

  it("refuses to sign an entry that does not recompute", () => {
    const quintet = plainVector.unsigned.signature_quintet.toReversed();
    const wrong = Manifest.fromJson(
      JSON.stringify({ ...plainVector.unsigned, signature_quintet: quintet }),
    );
    expect(() => signedBy(["cell_id"], wrong)).toThrow(expect.objectContaining({ code: "SEAL" }));
  });
});

describe("the seal of a manifest", () => {
  it("is consistent without keys, and says that this is no proof of origin", () => {
    expect(verifyManifestSeal(unsigned)).toMatchObject({ ok: true, level: "facets" });
    expect(verifyManifestSeal(unsigned).summary).toContain("unsigned");
  });

  it("is signed when all five signatures are by the trusted keys", () => {
    expect(verifyManifestSeal(signedBy(CONTEXTS), { keys: trustedKeys })).toMatchObject({
      ok: true,
      level: "signed",
    });
  });

  it.each(CONTEXTS)("is not signed while the signature of %s is missing", (missing) => {
    const manifest = signedBy(CONTEXTS.filter((context) => context !== missing));
    const report = verifyManifestSeal(manifest, { keys: trustedKeys });
    expect(report).toMatchObject({ ok: false, level: "facets" });
  });

  it("is not signed by another key", () => {
    const stranger = generateKeyPair(new Uint8Array(32).fill(7)).privateKey;
    const manifest = cosign(signedBy(CONTEXTS), "tau_block", stranger);
    expect(verifyManifestSeal(manifest, { keys: trustedKeys }).ok).toBe(false);
  });

  it("does not hold with a revoked key", () => {
    const keys = federationKeys(trustedKeys.keys);
    const revoked = { ...keys, revoked: new Set([...vectorsPublicKeys()].slice(0, 1)) };
    expect(verifyManifestSeal(signedBy(CONTEXTS), { keys: revoked }).ok).toBe(false);
  });

  it("binds the lean path and the height, though they are not in the witness", () => {
    const wire = JSON.parse(signedBy(CONTEXTS).toJson());
    for (const change of [{ lean_artifact_path: "Other.lean" }, { tau_block: 1 }]) {
      const changed = Manifest.fromJson(JSON.stringify({ ...wire, ...change }));
      expect(changed.witnessHash).toBe(unsigned.witnessHash);
      expect(verifyManifestSeal(changed).ok).toBe(false);
      expect(verifyManifestSeal(changed, { keys: trustedKeys }).ok).toBe(false);
    }
  });

  it("reaches only the level of its witness with texts of another implementation", () => {
    const foreign = {
      ...plainVector.unsigned,
      signature_quintet: Array(5).fill("selfsigned:other"),
    };
    const report = verifyManifestSeal(Manifest.fromJson(JSON.stringify(foreign)));
    expect(report).toMatchObject({ ok: true, level: "witness" });
  });
});

function vectorsPublicKeys(): Set<string> {
  return new Set(
    Object.values(vectors.keys).map((key) => ("public" in key ? String(key.public) : "")),
  );
}

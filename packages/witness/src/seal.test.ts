import { describe, expect, it } from "vitest";
import { identityOf, privateKeyOf, vectors } from "./cell-vectors.testing.js";
import { generateKeyPair } from "./ed25519.js";
import { encodeHex } from "./hex.js";
import {
  CONTEXTS,
  cosign,
  cosignatureMessage,
  cosignFacet,
  ensureSha256Hex,
  type FederationContext,
  facets,
  type QuintetForm,
  type Seal,
  sealWitness,
  witnessHash,
} from "./index.js";
import { refusalOf } from "./refusal.testing.js";

const identity = { cellId: "cell", domainId: "domain" };
const { privateKey } = generateKeyPair(new Uint8Array(32));

describe("sealing", () => {
  it.each(vectors.manifests)("makes the seal of a manifest without keys", ({ unsigned }) => {
    const seal = sealWitness(identityOf(unsigned), unsigned.canonical_witness, "selfsigned");
    expect(seal.witnessHash).toBe(unsigned.witness_hash_sha256);
    expect(seal.quintet).toEqual(unsigned.signature_quintet);
  });

  it.each(vectors.facets)("makes the seal of a row: five plain facets", (vector) => {
    const seal = sealWitness(identityOf(vector), vector.canonical_witness, "facet");
    expect(seal.quintet).toEqual(vector.facets);
  });

  it("refuses an unusable identity, text or form", () => {
    const seal = (cellId: string, text: string, form: string): unknown =>
      sealWitness({ cellId, domainId: "d" }, text, form as QuintetForm);
    expect(refusalOf(() => seal("a|b", "w", "facet"))).toBe("IDENTITY_TEXT");
    expect(refusalOf(() => seal("c", "\ud800", "facet"))).toBe("ILL_FORMED_TEXT");
    expect(refusalOf(() => seal("c", "w", "ed25519"))).toBe("QUINTET_FORM");
  });
});

describe("cosigning", () => {
  it.each(vectors.manifests)(
    "makes the signed manifest of the vectors",
    ({ signed, signed_messages_hex }) => {
      const identity = identityOf(signed);
      let seal = sealWitness(identity, signed.canonical_witness, "selfsigned");
      const bare = facets(identity, seal.witnessHash);
      CONTEXTS.forEach((context, position) => {
        const facet = ensureSha256Hex(bare[position]);
        const message = cosignatureMessage(context, seal.canonicalWitness, facet);
        expect(encodeHex(message)).toBe(signed_messages_hex[position]);
        seal = cosign(identity, seal, context, privateKeyOf(context));
      });
      expect(seal.quintet).toEqual(signed.signature_quintet);
    },
  );

  it("counts the lengths in its message in bytes, not in characters", () => {
    const facet = witnessHash("x");
    const message = new TextDecoder().decode(cosignatureMessage("cell_id", "é", facet));
    expect(message).toBe(`DSSEv1 41 application/vnd.gaiaftcl.facet.v1+cell_id 67 é\n${facet}`);
  });

  it("never signs a message that could be a bare digest", () => {
    const message = cosignatureMessage("cell_id", "", witnessHash(""));
    expect(message.length).toBeGreaterThan(32);
    expect(new TextDecoder().decode(message)).toMatch(/^DSSEv1 /);
  });

  it("replaces one entry and leaves the seal it was given as it was", () => {
    const seal = sealWitness(identity, "witness", "selfsigned");
    const before = structuredClone(seal);
    const signed = cosign(identity, seal, "payload_sha256", privateKey);
    expect(seal).toEqual(before);
    const changed = signed.quintet.map((entry, position) => entry !== seal.quintet[position]);
    expect(changed).toEqual([false, false, false, true, false]);
    expect(signed.quintet[3]).toMatch(/^ed25519:[0-9a-f]{64}:[A-Za-z0-9_-]{86}$/);
  });

  it("gives the same quintet again, and replaces the signature of an earlier key", () => {
    const seal = sealWitness(identity, "witness", "selfsigned");
    const once = cosign(identity, seal, "cell_id", privateKey);
    expect(cosign(identity, once, "cell_id", privateKey)).toEqual(once);
    const other = generateKeyPair(new Uint8Array(32).fill(1)).privateKey;
    expect(cosign(identity, once, "cell_id", other)).toEqual(
      cosign(identity, seal, "cell_id", other),
    );
  });

  it("keeps a row's cosignature apart, with the key it is by", () => {
    const seal = sealWitness(identity, "witness", "facet");
    const cosignature = cosignFacet(identity, seal, "tau_block", privateKey);
    const inline = cosign(identity, seal, "tau_block", privateKey).quintet[4];
    expect(cosignature.context).toBe("tau_block");
    expect(cosignature.publicKey).toBe(generateKeyPair(new Uint8Array(32)).publicKey.hex);
    expect(inline).toBe(`ed25519:${seal.quintet[4]}:${cosignature.signature}`);
  });

  it("refuses to sign what does not hold", () => {
    const seal = sealWitness(identity, "witness", "selfsigned");
    const withEntry = (entry: string): Seal => ({
      ...seal,
      quintet: [entry, seal.quintet[1], seal.quintet[2], seal.quintet[3], seal.quintet[4]],
    });
    const refused: readonly Seal[] = [
      { ...seal, canonicalWitness: "another" },
      { ...seal, witnessHash: witnessHash("another") },
      withEntry(`selfsigned:${witnessHash("another")}`),
      withEntry("selfsigned:foreign"),
      withEntry(seal.quintet[1]),
      withEntry("ed25519:"),
      { ...seal, quintet: seal.quintet.slice(0, 4) as unknown as Seal["quintet"] },
    ];
    for (const bad of refused) {
      expect(refusalOf(() => cosign(identity, bad, "cell_id", privateKey))).toBe("SEAL");
      expect(refusalOf(() => cosignFacet(identity, bad, "cell_id", privateKey))).toBe("SEAL");
    }
    const elsewhere = { ...identity, cellId: "another" };
    expect(refusalOf(() => cosign(elsewhere, seal, "cell_id", privateKey))).toBe("SEAL");
  });

  it("refuses a context that is none", () => {
    const seal = sealWitness(identity, "witness", "selfsigned");
    for (const context of [
      "cell",
      "",
      "constructor",
      undefined,
    ] as unknown as FederationContext[]) {
      expect(refusalOf(() => cosign(identity, seal, context, privateKey))).toBe("CONTEXT");
      expect(refusalOf(() => cosignatureMessage(context, "w", seal.witnessHash))).toBe("CONTEXT");
    }
  });
});

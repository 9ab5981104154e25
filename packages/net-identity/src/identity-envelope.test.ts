import { encodeHex } from "@gaiaftcl/witness/ed25519";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CausalLink, decodeCausalLink, genesisLink } from "./causal-link.js";
import { causalVectors } from "./causal-link-vectors.testing.js";
import { Identity } from "./identity.js";
import {
  type EnvelopeVerdict,
  IDENTITY_ENVELOPE_BYTES,
  type OpenIdentityOptions,
  openIdentity,
  sealIdentity,
} from "./identity-envelope.js";
import { generateNetKeypair, netKeypairOf } from "./net-keypair.js";
import { bytesOf, identityOf } from "./vectors.testing.js";

const identity = identityOf(1);
const target = netKeypairOf(new Uint8Array(32).fill(2));
const link: CausalLink = { ...genesisLink(identity.originHash), sequence: 3n };
const envelope = sealIdentity({ identity, targetPublicKey: target.publicKey, link });
const key32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

/** The points of order 1, 2, 4 and 8 on Curve25519 and its twist, in every encoding of 255 bits. */
const SMALL_ORDER: readonly string[] = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

function open(bytes: Uint8Array, changes: Partial<OpenIdentityOptions> = {}): EnvelopeVerdict {
  const { secretKey } = target;
  return openIdentity(bytes, { secretKey, entityId: identity.entityId, link, ...changes });
}

function faultOf(verdict: EnvelopeVerdict): string {
  return verdict.ok ? "none" : verdict.fault;
}

function linkOf(hex: string): CausalLink {
  const read = decodeCausalLink(bytesOf(hex));
  if (read === undefined) throw new Error(`no link: ${hex}`);
  return read;
}

/** An envelope whose parts that are not signed come from another. */
function withCiphertextOf(bytes: Uint8Array, other: Uint8Array): Uint8Array {
  const mixed = Uint8Array.from(bytes);
  mixed.set(other.subarray(33, 113), 33);
  return mixed;
}

describe("an identity envelope", () => {
  it.each(causalVectors.envelopes)("$label opens, and is sealed alike", (vector) => {
    const seed = bytesOf(vector.seed);
    const owner = Identity.fromSeed(seed);
    const vectorLink = linkOf(vector.link);
    const keys = netKeypairOf(bytesOf(vector.target_secret));
    const verdict = openIdentity(bytesOf(vector.envelope), {
      secretKey: keys.secretKey,
      entityId: owner.entityId,
      link: vectorLink,
    });
    expect(verdict.ok && verdict.identity.seed()).toEqual(seed);
    if (vector.ephemeral_secret === undefined) return;
    const ephemeral = bytesOf(vector.ephemeral_secret);
    const sealed = sealIdentity({
      identity: owner,
      targetPublicKey: keys.publicKey,
      link: vectorLink,
      randomBytes: () => ephemeral,
    });
    expect(encodeHex(sealed)).toBe(vector.envelope);
  });

  it("brings any identity to any node", () => {
    fc.assert(
      fc.property(key32, key32, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (seed, secret, n) => {
        const moved = Identity.fromSeed(seed);
        const keys = netKeypairOf(secret);
        const at = { originHash: moved.originHash, horizon: n, sequence: n, parentHash: n };
        const bytes = sealIdentity({
          identity: moved,
          targetPublicKey: keys.publicKey,
          link: at,
        });
        expect(bytes).toHaveLength(IDENTITY_ENVELOPE_BYTES);
        const verdict = openIdentity(bytes, {
          secretKey: keys.secretKey,
          entityId: moved.entityId,
          link: at,
        });
        expect(verdict.ok && verdict.identity.seed()).toEqual(seed);
      }),
      { numRuns: 30 },
    );
  });

  it("is another each time, and shows nothing of the seed", () => {
    const again = sealIdentity({ identity, targetPublicKey: target.publicKey, link });
    expect(encodeHex(again)).not.toBe(encodeHex(envelope));
    expect(encodeHex(again)).not.toContain("01".repeat(8));
  });

  it("stays shut when any bit of it is changed", () => {
    const found = new Map<string, number>();
    for (let at = 0; at < envelope.length; at += 1) {
      for (const bit of [1, 0x80]) {
        const changed = Uint8Array.from(envelope);
        changed[at] = (changed[at] ?? 0) ^ bit;
        const fault = faultOf(open(changed));
        found.set(fault, (found.get(fault) ?? 0) + 1);
      }
    }
    // Two bits of each byte: version; signer; target and signature; ephemeral key and ciphertext.
    expect(Object.fromEntries(found)).toEqual({
      format: 2,
      signer: 64,
      signature: 2 * (32 + 64),
      seal: 2 * (32 + 48),
    });
  });

  it("is exactly 209 bytes", () => {
    fc.assert(
      fc.property(fc.nat(300), (length) => {
        fc.pre(length !== IDENTITY_ENVELOPE_BYTES);
        const bytes = new Uint8Array(length);
        bytes.set(envelope.subarray(0, Math.min(length, envelope.length)));
        expect(open(bytes)).toEqual({
          ok: false,
          fault: "format",
          message: "identity envelope: expected 209 bytes of version 1",
        });
      }),
    );
  });

  it("never throws on bytes from outside", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 209, maxLength: 209 }),
        fc.boolean(),
        (bytes, isSigner) => {
          bytes[0] = 1;
          if (isSigner) bytes.set(identity.entityId, 113);
          expect(open(bytes).ok).toBe(false);
        },
      ),
    );
    // The signer may be bytes that are no point of the curve, if that is who is expected.
    for (const fill of [0, 1, 0xff]) {
      const entityId = new Uint8Array(32).fill(fill);
      const bytes = Uint8Array.from(envelope);
      bytes.set(entityId, 113);
      expect(faultOf(open(bytes, { entityId }))).toBe("signature");
    }
  });

  it("is refused in Net's words", () => {
    const other = identityOf(9);
    expect(open(envelope, { entityId: other.entityId })).toEqual({
      ok: false,
      fault: "signer",
      message: "identity envelope: signer_pub is not a valid ed25519 point",
    });
    expect(open(envelope, { link: { ...link, sequence: 4n } })).toEqual({
      ok: false,
      fault: "signature",
      message: "identity envelope: attestation signature invalid",
    });
    expect(open(envelope, { secretKey: new Uint8Array(32).fill(3) })).toEqual({
      ok: false,
      fault: "seal",
      message: "identity envelope: seal_open failed (wrong target key or tampered ciphertext)",
    });
  });

  it.each(["originHash", "horizon", "sequence", "parentHash"] as const)(
    "is good for one %s",
    (field) => {
      const moved = { ...link, [field]: link[field] ^ 1n };
      expect(faultOf(open(envelope, { link: moved }))).toBe("signature");
    },
  );

  it("does not open with a ciphertext made for another link or target", () => {
    const elsewhere = sealIdentity({
      identity,
      targetPublicKey: target.publicKey,
      link: { ...link, sequence: 4n },
    });
    expect(faultOf(open(withCiphertextOf(envelope, elsewhere)))).toBe("seal");
    const stranger = generateNetKeypair();
    const forStranger = sealIdentity({ identity, targetPublicKey: stranger.publicKey, link });
    expect(faultOf(open(withCiphertextOf(envelope, forStranger)))).toBe("seal");
  });

  it("does not bring the seed of another than its signer", () => {
    const intruder = identityOf(9);
    const theirs = sealIdentity({ identity: intruder, targetPublicKey: target.publicKey, link });
    expect(open(withCiphertextOf(envelope, theirs))).toEqual({
      ok: false,
      fault: "seed",
      message: "identity envelope: the seed inside is not that of the signer",
    });
  });

  it("does not open with an ephemeral key of small order", () => {
    for (const point of SMALL_ORDER) {
      const bytes = Uint8Array.from(envelope);
      bytes.set(bytesOf(point), 33);
      expect(faultOf(open(bytes))).toBe("seal");
    }
  });

  it("is not made for a key that protects nothing, or none", () => {
    const argument = expect.objectContaining({ name: "NetIdentityError", code: "ARGUMENT" });
    const keys = [...SMALL_ORDER.map(bytesOf), new Uint8Array(31), JSON.parse('"text"')];
    for (const targetPublicKey of keys) {
      expect(() => sealIdentity({ identity, targetPublicKey, link })).toThrow(argument);
    }
  });

  it("is not opened with options that are none", () => {
    const secretKey = new Uint8Array(31);
    const cases: [Partial<OpenIdentityOptions>, string][] = [
      [{ secretKey }, "ARGUMENT"],
      [{ entityId: new Uint8Array(5) }, "ENTITY_ID"],
      [{ link: { ...link, horizon: -1n } }, "RANGE"],
    ];
    for (const [changes, code] of cases) {
      expect(() => open(envelope, changes)).toThrow(
        expect.objectContaining({ name: "NetIdentityError", code }),
      );
    }
  });

  it("does not depend on bytes that change after it was opened", () => {
    const bytes = Uint8Array.from(envelope);
    const verdict = open(bytes);
    bytes.fill(0);
    expect(verdict.ok && verdict.identity.entityId).toEqual(identity.entityId);
  });
});

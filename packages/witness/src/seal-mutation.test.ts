import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { privateKeyOf, trusted } from "./cell-vectors.testing.js";
import {
  CONTEXTS,
  cosign,
  type FederationContext,
  type Seal,
  type SealIdentity,
  sealWitness,
  type UnverifiedSeal,
  verifySeal,
} from "./index.js";

const identityText = fc
  .string({ unit: "grapheme", maxLength: 20 })
  .map((text) => text.normalize("NFC").replaceAll(/[|;=\p{Cc}]/gu, "-"))
  .filter((text) => text.isWellFormed() && text.normalize("NFC") === text);
const identities: fc.Arbitrary<SealIdentity> = fc.record(
  {
    cellId: identityText,
    domainId: identityText,
    leanArtifactPath: identityText,
    tauBlock: fc.bigInt(0n, 2n ** 64n - 1n),
  },
  { requiredKeys: ["cellId", "domainId"] },
);
const texts = fc.string({ unit: "grapheme" }).filter((text) => text.isWellFormed());
const forms = fc.constantFrom("facet", "selfsigned");
const orders = fc.shuffledSubarray([...CONTEXTS], { minLength: 5 });

/** One edit of one character: another in its place, one more, or one less. */
const edits = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom("replace", "insert", "remove"),
  by: fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 1 }),
});
type Edit = typeof edits extends fc.Arbitrary<infer Value> ? Value : never;

function edited(text: string, { at, kind, by }: Edit): string {
  const offset = text.length === 0 ? 0 : at % text.length;
  const rest = kind === "insert" ? offset : offset + 1;
  return text.slice(0, offset) + (kind === "remove" ? "" : by) + text.slice(rest);
}

function cosignAll(identity: SealIdentity, seal: Seal, order: readonly FederationContext[]): Seal {
  return order.reduce(
    (current, context) => cosign(identity, current, context, privateKeyOf(context)),
    seal,
  );
}

describe("every seal", () => {
  it("verifies at level facets", () => {
    fc.assert(
      fc.property(identities, texts, forms, (identity, text, form) => {
        const report = verifySeal(identity, sealWitness(identity, text, form), {
          expectedWitness: text,
        });
        expect([report.ok, report.level]).toEqual([true, "facets"]);
      }),
    );
  });

  it("is the same after five holders cosigned it in any order, and then signed", () => {
    fc.assert(
      fc.property(identities, texts, forms, orders, orders, (identity, text, form, one, two) => {
        const seal = sealWitness(identity, text, form);
        const signed = cosignAll(identity, seal, one);
        expect(cosignAll(identity, seal, two)).toEqual(signed);
        const report = verifySeal(identity, signed, { keys: trusted, expectedWitness: text });
        expect([report.ok, report.level]).toEqual([true, "signed"]);
      }),
      { numRuns: 25 },
    );
  });

  it("no longer reaches its level after an edit of one character anywhere", () => {
    const places = fc.constantFrom(
      "witness",
      "hash",
      "cellId",
      "domainId",
      "leanArtifactPath",
      "quintet",
    );
    fc.assert(
      fc.property(identities, texts, forms, places, edits, (identity, text, form, place, edit) => {
        const seal = sealWitness(identity, text, form);
        const [mutantIdentity, mutant] = mutate(identity, seal, place, edit);
        fc.pre(differs(identity, seal, mutantIdentity, mutant));
        const report = verifySeal(mutantIdentity, mutant, { expectedWitness: text });
        expect(report.ok && report.level === "facets").toBe(false);
        // Only a quintet entry may turn into something that proves less instead of failing.
        if (place !== "quintet" || form === "facet") expect(report.ok).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  it("fails with another block height", () => {
    fc.assert(
      fc.property(identities, texts, fc.bigInt(0n, 2n ** 64n - 1n), (identity, text, tauBlock) => {
        fc.pre(identity.tauBlock !== tauBlock);
        expect(verifySeal({ ...identity, tauBlock }, sealWitness(identity, text, "facet")).ok).toBe(
          false,
        );
      }),
    );
  });
});

describe("every signed seal", () => {
  const identity = { cellId: "cell", domainId: "domain", leanArtifactPath: "path", tauBlock: 1n };
  const signed = cosignAll(identity, sealWitness(identity, "witness", "selfsigned"), CONTEXTS);

  it("fails after an edit of one character anywhere", () => {
    const places = fc.constantFrom(
      "witness",
      "hash",
      "cellId",
      "domainId",
      "leanArtifactPath",
      "quintet",
      "quintet",
    );
    fc.assert(
      fc.property(places, edits, (place, edit) => {
        const [mutantIdentity, mutant] = mutate(identity, signed, place, edit);
        fc.pre(differs(identity, signed, mutantIdentity, mutant));
        expect(verifySeal(mutantIdentity, mutant, { keys: trusted }).ok).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("every quintet", () => {
  it("gets a report, whatever its texts", () => {
    const identity = { cellId: "cell", domainId: "domain" };
    const piece = fc.constantFrom(
      "selfsigned:",
      "ed25519:",
      ":",
      "0".repeat(64),
      "A".repeat(86),
      "é",
      "\ud800",
    );
    const entry = fc.oneof(
      fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join("")),
      fc.string({ unit: "binary" }),
    );
    fc.assert(
      fc.property(
        fc.array(entry, { maxLength: 7 }),
        fc.string({ unit: "binary" }),
        (quintet, text) => {
          const seal = { canonicalWitness: text, witnessHash: text, quintet };
          expect(verifySeal(identity, seal).ok).toBe(false);
          expect(verifySeal(identity, seal, { keys: trusted }).ok).toBe(false);
        },
      ),
    );
  });
});

function mutate(
  identity: SealIdentity,
  seal: Seal,
  place: string,
  edit: Edit,
): readonly [SealIdentity, UnverifiedSeal] {
  if (place === "witness") {
    return [identity, { ...seal, canonicalWitness: edited(seal.canonicalWitness, edit) }];
  }
  if (place === "hash") return [identity, { ...seal, witnessHash: edited(seal.witnessHash, edit) }];
  if (place === "quintet") {
    const position = edit.at % 5;
    const inside = { ...edit, at: Math.floor(edit.at / 5) };
    const quintet = seal.quintet.map((entry, at) =>
      at === position ? edited(entry, inside) : entry,
    );
    return [identity, { ...seal, quintet }];
  }
  const name = place as "cellId" | "domainId" | "leanArtifactPath";
  return [{ ...identity, [name]: edited(identity[name] ?? "", edit) }, seal];
}

function differs(
  identity: SealIdentity,
  seal: UnverifiedSeal,
  mutantIdentity: SealIdentity,
  mutant: UnverifiedSeal,
): boolean {
  const text = (one: SealIdentity, other: UnverifiedSeal): string =>
    JSON.stringify([one.cellId, one.domainId, one.leanArtifactPath ?? "", other]);
  return text(identity, seal) !== text(mutantIdentity, mutant);
}

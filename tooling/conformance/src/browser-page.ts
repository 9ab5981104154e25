import { decode, encode, encodePortable } from "@gaiaftcl/canonical-json";
import {
  CONTEXTS,
  cosign,
  ensureSha256Hex,
  type FederationContext,
  facets,
  loadFederationKeys,
  type Seal,
  type SealIdentity,
  sealWitness,
  type VerificationReport,
  verifySeal,
  witnessHash,
} from "@gaiaftcl/witness";
import { decodeHex, encodeHex, generateKeyPair } from "@gaiaftcl/witness/ed25519";
import type { Ed25519Cases } from "./ed25519-cases.ts";
import { type Judgement, judge } from "./ed25519-judge.ts";

/** Vectors as they travel into the page: everything is JSON, bytes are hex. */
export interface PageInput {
  readonly ed25519: Ed25519Cases;
  readonly witnesses: readonly { readonly identity: PageIdentity; readonly text: string }[];
  readonly seeds: Readonly<Record<FederationContext, string>>;
  readonly federationKeys: string;
  readonly manifests: readonly {
    readonly identity: PageIdentity;
    readonly signed: {
      readonly canonicalWitness: string;
      readonly witnessHash: string;
      readonly quintet: readonly string[];
    };
  }[];
  readonly frames: readonly unknown[];
  /** JSON texts as bytes in hex. */
  readonly documents: readonly string[];
}

/** An identity whose height is decimal digits or empty, since JSON has no bigint. */
export interface PageIdentity {
  readonly cellId: string;
  readonly domainId: string;
  readonly leanArtifactPath: string;
  readonly tauBlock: string;
}

export interface PageOutput {
  readonly judgement: Judgement;
  readonly facets: readonly (readonly string[])[];
  readonly cosigned: readonly Seal[];
  readonly reports: readonly VerificationReport[];
  readonly tampered: readonly VerificationReport[];
  readonly frames: readonly { readonly encoded: string; readonly portable: string }[];
  readonly documents: readonly string[];
}

declare global {
  /** Runs the vectors where the page is. */
  var runVectors: (input: PageInput) => PageOutput;
}

globalThis.runVectors = (input) => {
  const keys = loadFederationKeys(input.federationKeys);
  return {
    judgement: judge(input.ed25519),
    facets: input.witnesses.map(({ identity, text }) => [
      ...facets(identityOf(identity), ensureSha256Hex(witnessHash(text))),
    ]),
    cosigned: input.manifests.map(({ identity, signed }) =>
      CONTEXTS.reduce(
        (seal, context) =>
          cosign(
            identityOf(identity),
            seal,
            context,
            generateKeyPair(decodeHex(input.seeds[context])).privateKey,
          ),
        sealWitness(identityOf(identity), signed.canonicalWitness, "selfsigned"),
      ),
    ),
    reports: input.manifests.map(({ identity, signed }) =>
      verifySeal(identityOf(identity), signed, { keys }),
    ),
    tampered: input.manifests.map(({ identity, signed }) =>
      verifySeal(
        identityOf(identity),
        { ...signed, quintet: signed.quintet.toReversed() },
        { keys },
      ),
    ),
    frames: input.frames.map((value) => ({
      encoded: encode(value),
      portable: encodePortable(value),
    })),
    documents: input.documents.map((hex) =>
      encodeHex(new TextEncoder().encode(encode(decode(decodeHex(hex))))),
    ),
  };
};

function identityOf({ tauBlock, ...identity }: PageIdentity): SealIdentity {
  return tauBlock === "" ? identity : { ...identity, tauBlock: BigInt(tauBlock) };
}

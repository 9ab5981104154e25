import {
  CONTEXTS,
  loadFederationKeys,
  sealWitness,
  verifySeal,
  WitnessError,
} from "@gaiaftcl/witness";
import {
  decodeBase64,
  encodeBase64,
  encodeBase64Url,
  parsePublicKey,
  privateKeyFromPem,
  privateKeyFromSeed,
  privateKeyToPem,
  publicKeyOf,
  publicKeyToHex,
  publicKeyToPem,
  sign,
  verify,
} from "@gaiaftcl/witness/ed25519";
import * as noble from "../../../../packages/witness/src/engine-noble.ts";
import type { FuzzTarget } from "../engine/fuzz-target.ts";
import { claim, claimSame, unlessRefused } from "./claims.ts";
import { vectorTexts } from "./seeds.ts";

const text = (input: Uint8Array): string => new TextDecoder().decode(input);
const key = privateKeyFromSeed(new Uint8Array(32).fill(1));
const publicKey = publicKeyOf(key);
const hex = publicKeyToHex(publicKey);
const identity = { cellId: "cell-1", domainId: "domain" };
const seal = sealWitness(identity, "some;text", "facet");
const message = new TextEncoder().encode("message");
const signed = Buffer.concat([Buffer.from(hex, "hex"), sign(key, message), message]);

export const targets: readonly FuzzTarget[] = [
  {
    name: "witness/base64",
    seeds: () => ["", "AA==", "AAE=", "AAEC", "-_-_", "+/+/"],
    maxLength: 128,
    run(input) {
      for (const url of [false, true]) {
        const bytes = unlessRefused(WitnessError, () => decodeBase64(text(input), { url }));
        if (bytes === undefined) continue;
        claimSame(url ? encodeBase64Url(bytes) : encodeBase64(bytes), text(input), "the one text");
      }
    },
  },
  {
    name: "witness/keys",
    seeds: () => [
      publicKeyToPem(publicKey),
      privateKeyToPem(key),
      hex,
      encodeBase64(Buffer.from(hex, "hex")),
    ],
    share: 0.5,
    run(input) {
      const read = unlessRefused(WitnessError, () => parsePublicKey(text(input)));
      if (read !== undefined) claimSame(parsePublicKey(publicKeyToHex(read)), read, "a public key");
      const secret = unlessRefused(WitnessError, () => privateKeyFromPem(text(input)));
      if (secret !== undefined) privateKeyToPem(secret);
    },
  },
  {
    name: "witness/signature",
    seeds: () => [signed, signed.with(33, 1), signed.with(0, 2)],
    maxLength: 160,
    share: 0.1,
    run(input) {
      const [k, s, m] = [input.slice(0, 32), input.slice(32, 96), input.slice(96)];
      if (s.length < 64) return;
      const parsed = unlessRefused(WitnessError, () =>
        parsePublicKey(Buffer.from(k).toString("hex")),
      );
      if (parsed === undefined) return;
      const isReal = Buffer.compare(input, signed) === 0;
      const holds = verify(parsed, m, s);
      claim(holds === isReal || !Buffer.from(k).equals(Buffer.from(hex, "hex")), "no forgery");
      // The engines see only keys and signatures that passed the rules above them.
      if (holds) claim(noble.importPublicKey(k)(m, s), "the other engine judges alike");
    },
  },
  {
    name: "witness/federation-keys",
    seeds: () => [
      `[public_keys]\n${CONTEXTS.map((context) => `${context} = "${hex}"`).join("\n")}\n`,
      `single_operator = true\nrevoked = ["${"22".repeat(32)}"]\n[public_keys]\n${CONTEXTS.map((context) => `${context} = "${hex}"`).join("\n")}\n`,
      ...vectorTexts("witness/vectors/cell.json").filter((each) => each.includes("=")),
    ],
    dictionary: ["single_operator", "revoked", "public_keys", '"""', "[["],
    run(input) {
      const keys = unlessRefused(WitnessError, () => loadFederationKeys(text(input)));
      if (keys) claim(keys.keys.size <= CONTEXTS.length, "a key for each context at most");
    },
  },
  {
    name: "witness/seal",
    seeds: () => [
      JSON.stringify(seal),
      JSON.stringify(sealWitness(identity, "some;text", "selfsigned")),
    ],
    run(input) {
      let value: unknown;
      try {
        value = JSON.parse(text(input));
      } catch {
        return;
      }
      const { canonicalWitness, witnessHash, quintet } = (value ?? {}) as Record<string, unknown>;
      if (typeof canonicalWitness !== "string" || typeof witnessHash !== "string") return;
      if (!Array.isArray(quintet) || !quintet.every((each) => typeof each === "string")) return;
      const report = verifySeal(identity, { canonicalWitness, witnessHash, quintet });
      const isSame = canonicalWitness === seal.canonicalWitness && witnessHash === seal.witnessHash;
      claim(
        report.level !== "facets" || !isSame || quintet.length === CONTEXTS.length,
        "five facets make the level",
      );
    },
  },
];

import * as ed25519 from "@gaiaftcl/witness/ed25519";
import type { Ed25519Cases, VerdictCase } from "./ed25519-cases.ts";

/** What one runtime says about every case; runs unchanged in Node and in a browser. */
export interface Judgement {
  readonly engine: string;
  /** For each suite one character a case: `V` accepted, `X` refused. */
  readonly verdicts: Readonly<Record<string, string>>;
  /** Public key and signature made of each seed and message, in hex. */
  readonly signed: readonly string[];
}

export function judge(cases: Ed25519Cases): Judgement {
  return {
    engine: ed25519.engine,
    verdicts: Object.fromEntries(
      Object.entries(cases.verdicts).map(([suite, list]) => [suite, list.map(verdict).join("")]),
    ),
    signed: cases.signing.map(({ seed, message }) => {
      const pair = ed25519.generateKeyPair(ed25519.decodeHex(seed));
      const signature = ed25519.sign(pair.privateKey, ed25519.decodeHex(message));
      return `${pair.publicKey.hex} ${ed25519.encodeHex(signature)}`;
    }),
  };
}

/** A key that is refused when it is loaded counts like a signature that is refused. */
function verdict({ publicKey, message, signature }: VerdictCase): "V" | "X" {
  let key: ed25519.PublicKey;
  try {
    key = ed25519.publicKeyFromBytes(ed25519.decodeHex(publicKey));
  } catch (error) {
    if (error instanceof ed25519.WitnessError && error.code === "PUBLIC_KEY") return "X";
    throw error;
  }
  const good = ed25519.verify(key, ed25519.decodeHex(message), ed25519.decodeHex(signature));
  return good ? "V" : "X";
}

import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A signature to judge; everything in hex, so that it travels to any runtime as JSON. */
export interface VerdictCase {
  readonly publicKey: string;
  readonly message: string;
  readonly signature: string;
}

/** A key and a message to sign, with what must come out; in hex. */
export interface SigningCase extends VerdictCase {
  readonly seed: string;
}

/** The suites by name, in the order of `ed25519-verdicts.json`. */
export interface Ed25519Cases {
  readonly verdicts: Readonly<Record<SuiteName, readonly VerdictCase[]>>;
  readonly signing: readonly SigningCase[];
}

export type SuiteName = "rfc8032" | "djb" | "wycheproof" | "speccheck" | "edge" | "zip215";

const SUITES = join(import.meta.dirname, "../suites/ed25519");

export function suiteFile(path: string): Buffer {
  return readFileSync(join(SUITES, path));
}

/** Reads every suite. */
export function ed25519Cases(): Ed25519Cases {
  const rfc8032 = rfc8032Cases();
  const djb = djbCases();
  return {
    verdicts: {
      rfc8032,
      djb,
      wycheproof: wycheproofCases().map(({ verdictCase }) => verdictCase),
      speccheck: speccheckCases("speccheck/cases.json"),
      edge: speccheckCases("zip215/noble-edge-cases.json"),
      zip215: zip215Cases(),
    },
    signing: [...rfc8032, ...djb],
  };
}

/** The verdicts that Wycheproof itself states, as `V` and `X` in the order of its cases. */
export function wycheproofVerdicts(): string {
  return wycheproofCases()
    .map(({ valid }) => (valid ? "V" : "X"))
    .join("");
}

function json<Shape>(path: string): Shape {
  return JSON.parse(suiteFile(path).toString("utf8")) as Shape;
}

function rfc8032Cases(): readonly SigningCase[] {
  interface Vector {
    readonly priv: string;
    readonly pub: string;
    readonly msg: string;
    readonly sig: string;
  }
  return json<readonly Vector[]>("rfc8032/rfc8032-ed25519.json").map((vector) => ({
    seed: vector.priv,
    publicKey: vector.pub,
    message: vector.msg,
    signature: vector.sig,
  }));
}

function djbCases(): readonly SigningCase[] {
  const lines = suiteFile("djb/sign-every-8th.input").toString("latin1").trim().split("\n");
  return lines.map((line) => {
    const [secret = "", publicKey = "", message = "", signed = ""] = line.split(":");
    return { seed: secret.slice(0, 64), publicKey, message, signature: signed.slice(0, 128) };
  });
}

function wycheproofCases(): readonly { verdictCase: VerdictCase; valid: boolean }[] {
  interface Group {
    readonly publicKey: { readonly pk: string };
    readonly tests: readonly { msg: string; sig: string; result: "valid" | "invalid" }[];
  }
  const { testGroups } = json<{ testGroups: readonly Group[] }>("wycheproof/ed25519_test.json");
  return testGroups.flatMap(({ publicKey, tests }) =>
    tests.map(({ msg, sig, result }) => ({
      verdictCase: { publicKey: publicKey.pk, message: msg, signature: sig },
      valid: result === "valid",
    })),
  );
}

function speccheckCases(path: string): readonly VerdictCase[] {
  interface Case {
    readonly message: string;
    readonly pub_key: string;
    readonly signature: string;
  }
  return json<readonly Case[]>(path).map(({ message, pub_key: publicKey, signature }) => ({
    publicKey,
    message,
    signature,
  }));
}

function zip215Cases(): readonly VerdictCase[] {
  const message = Buffer.from("Zcash").toString("hex");
  return json<readonly { vk_bytes: string; sig_bytes: string }[]>("zip215/zip215.json").map(
    ({ vk_bytes: publicKey, sig_bytes: signature }) => ({ publicKey, message, signature }),
  );
}

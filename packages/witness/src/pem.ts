import { decodeBase64, encodeBase64 } from "./base64.js";
import { WitnessError } from "./witness-error.js";

/** The two kinds of PEM this package reads and writes. */
export type PemLabel = "PUBLIC KEY" | "PRIVATE KEY";

/** Enough for any Ed25519 key; a bound on what is looked at. */
const MAX_LENGTH = 4096;

/**
 * The content of the one PEM block in a text (RFC 7468). White space around the block and either
 * kind of line end is allowed; other text, a second block, headers and another label are not. No
 * message repeats the content, which may be a secret.
 *
 * @throws WitnessError `PEM`
 */
export function decodePem(label: PemLabel, text: string): Uint8Array {
  const expected = `expected one PEM block "${label}" and nothing else`;
  if (typeof text !== "string") throw new WitnessError("PEM", `${expected}, found ${typeof text}`);
  if (text.length > MAX_LENGTH) {
    throw new WitnessError("PEM", `${expected}, found ${text.length} characters, too many for one`);
  }
  const lines = text.trim().split(/\r?\n/);
  const found = /^-----BEGIN ([A-Z0-9 ]+)-----$/.exec(lines[0] ?? "")?.[1];
  if (found === undefined) throw new WitnessError("PEM", `${expected}, found a text without BEGIN`);
  if (found !== label) {
    const advice = found === "ENCRYPTED PRIVATE KEY" ? "; decrypt it first" : "";
    throw new WitnessError("PEM", `${expected}, found "${found}"${advice}`);
  }
  if (lines.at(-1) !== `-----END ${label}-----`) {
    throw new WitnessError("PEM", `${expected}, found a text that does not end with END ${label}`);
  }
  const content = lines.slice(1, -1).join("");
  try {
    return decodeBase64(content);
  } catch {
    throw new WitnessError("PEM", `${expected}, found content that is not strict base64`);
  }
}

/** One PEM block with lines of 64 characters and a line end after the last. */
export function encodePem(label: PemLabel, der: Uint8Array): string {
  const lines = encodeBase64(der).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

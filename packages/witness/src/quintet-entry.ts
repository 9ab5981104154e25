import { decodeBase64 } from "./base64.js";
import { isSha256Hex, type Sha256Hex } from "./sha256.js";

/** The form a seal is made in: rows carry plain facets, manifests and responses `selfsigned:` ones. */
export type QuintetForm = "facet" | "selfsigned";

/**
 * One entry of a quintet, read (cell format, section 2). `foreign` is a `selfsigned:` text of
 * another implementation, which cannot be checked; `malformed` is nothing the format knows.
 */
export type QuintetEntry =
  | { readonly form: "facet" | "selfsigned"; readonly facet: Sha256Hex }
  | {
      readonly form: "ed25519";
      readonly facet: Sha256Hex;
      readonly signature: Uint8Array;
      readonly signatureText: string;
    }
  | { readonly form: "foreign" }
  | { readonly form: "malformed"; readonly reason: string };

const SELFSIGNED = "selfsigned:";
const ED25519 = "ed25519:";
const FACET_LENGTH = 64;
const SIGNATURE_BYTES = 64;

/**
 * Reads an entry of a quintet. Total: every text has exactly one reading.
 *
 * What begins with `ed25519:` must be that form to the letter. What follows `selfsigned:` is a facet
 * when it is 64 lower-case hex digits, malformed when it is empty or 64 hex digits with upper case
 * among them, and foreign otherwise. Everything else is a facet of 64 lower-case hex digits or
 * malformed. So a near miss of a form that proves something never passes as one that proves nothing.
 */
export function parseQuintetEntry(text: string): QuintetEntry {
  if (isSha256Hex(text)) return { form: "facet", facet: text };
  if (text.startsWith(SELFSIGNED)) return parseSelfsigned(text.slice(SELFSIGNED.length));
  if (text.startsWith(ED25519)) return parseCosigned(text.slice(ED25519.length));
  return malformed("neither 64 lower-case hex digits nor selfsigned:… nor ed25519:…");
}

/** The text of an unsigned entry. */
export function formatFacet(form: QuintetForm, facet: Sha256Hex): string {
  return form === "facet" ? facet : SELFSIGNED + facet;
}

/** The text of a cosigned entry. */
export function formatCosigned(facet: Sha256Hex, signature: string): string {
  return `${ED25519}${facet}:${signature}`;
}

/** The 64 bytes of a signature in unpadded base64url, or undefined. */
export function decodeSignature(text: string): Uint8Array | undefined {
  try {
    const signature = decodeBase64(text, { url: true });
    return signature.length === SIGNATURE_BYTES ? signature : undefined;
  } catch {
    return undefined;
  }
}

function parseSelfsigned(rest: string): QuintetEntry {
  if (isSha256Hex(rest)) return { form: "selfsigned", facet: rest };
  if (rest === "") return malformed("selfsigned: without a text");
  if (/^[0-9a-fA-F]{64}$/.test(rest)) return malformed("upper-case hex");
  return { form: "foreign" };
}

function parseCosigned(rest: string): QuintetEntry {
  const facet = rest.slice(0, FACET_LENGTH);
  if (!isSha256Hex(facet) || rest.charAt(FACET_LENGTH) !== ":") {
    return malformed("ed25519: without a facet of 64 lower-case hex digits and a colon");
  }
  const signatureText = rest.slice(FACET_LENGTH + 1);
  const signature = decodeSignature(signatureText);
  if (signature === undefined) {
    return malformed("ed25519: without a signature of 64 bytes in strict unpadded base64url");
  }
  return { form: "ed25519", facet, signature, signatureText };
}

function malformed(reason: string): QuintetEntry {
  return { form: "malformed", reason };
}

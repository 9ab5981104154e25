import { type FederationContext, positionOf } from "./contexts.js";
import type { Sha256Hex } from "./sha256.js";
import { ensureSha256Hex } from "./sha256.js";
import { ensureWellFormed } from "./text.js";

/** A cosignature that stands beside a row, whose own quintet stays five facets. */
export interface Cosignature {
  readonly context: FederationContext;
  /** 64 lower-case hex digits. */
  readonly publicKey: string;
  /** Unpadded base64url of 64 bytes. */
  readonly signature: string;
}

const TYPE_PREFIX = "application/vnd.gaiaftcl.facet.v1+";

/**
 * What the holder of a context's key signs (cell format, section 2): the DSSE pre-authentication
 * encoding `DSSEv1 SP LEN(type) SP type SP LEN(body) SP body`, lengths in bytes as decimal digits.
 * The type names the context, so a signature cannot be moved to another position; the body is the
 * canonical witness, a line feed, and the facet.
 *
 * @throws WitnessError `CONTEXT`, `ILL_FORMED_TEXT` or `HASH`
 */
export function cosignatureMessage(
  context: FederationContext,
  canonicalWitness: string,
  facet: Sha256Hex,
): Uint8Array {
  positionOf(context);
  ensureWellFormed("the canonical witness", canonicalWitness);
  ensureSha256Hex(facet);
  const type = TYPE_PREFIX + context;
  const body = new TextEncoder().encode(`${canonicalWitness}\n${facet}`);
  const head = new TextEncoder().encode(`DSSEv1 ${type.length} ${type} ${body.length} `);
  const message = new Uint8Array(head.length + body.length);
  message.set(head);
  message.set(body, head.length);
  return message;
}

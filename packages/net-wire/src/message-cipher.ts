import { type CipherKernel, cipherKernel, KEY, NONCE, PACKET } from "./cipher-kernel.js";
import { NetWireError } from "./net-wire-error.js";
import { TAG_BYTES } from "./packet-header.js";

/** What Noise allows a message, tag included (revision 34, section 3). */
const MAX_MESSAGE_BYTES = 65_535;

/**
 * ChaCha20-Poly1305 (RFC 8439, section 2.8) over a message of a handshake: ciphertext and tag. The
 * nonce has 12 bytes, the associated data few.
 *
 * @throws NetWireError `FIELD_RANGE` for a message longer than Noise allows
 */
export function sealMessage(
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  const length = plaintext.length + TAG_BYTES;
  if (length > MAX_MESSAGE_BYTES) {
    throw new NetWireError(
      "FIELD_RANGE",
      `a Noise message has at most ${MAX_MESSAGE_BYTES} bytes, this one would have ${length}`,
    );
  }
  const kernel = prepare(key, nonce);
  const at = place(kernel, aad, plaintext);
  kernel.sealMessage(aad.length, plaintext.length);
  return kernel.memory.slice(at, at + length);
}

/**
 * The plaintext of a message that has at least its tag; undefined when the tag does not verify, and
 * nothing has been decrypted then.
 */
export function openMessage(
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | undefined {
  if (sealed.length < TAG_BYTES || sealed.length > MAX_MESSAGE_BYTES) {
    return undefined;
  }
  const length = sealed.length - TAG_BYTES;
  const kernel = prepare(key, nonce);
  const at = place(kernel, aad, sealed);
  return kernel.openMessage(aad.length, length) === 1
    ? kernel.memory.slice(at, at + length)
    : undefined;
}

function prepare(key: Uint8Array, nonce: Uint8Array): CipherKernel {
  const kernel = cipherKernel();
  kernel.memory.set(key, KEY);
  kernel.memory.set(nonce, NONCE);
  return kernel;
}

/** Puts the associated data where the kernel has it, and the message behind it; gives where that is. */
function place({ memory }: CipherKernel, aad: Uint8Array, message: Uint8Array): number {
  const body = PACKET + Math.ceil(aad.length / TAG_BYTES) * TAG_BYTES;
  memory.set(aad, PACKET);
  memory.fill(0, PACKET + aad.length, body);
  memory.set(message, body);
  return body;
}

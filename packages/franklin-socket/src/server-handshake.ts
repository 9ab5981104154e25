import type { JsonValue } from "@gaiaftcl/canonical-json";
import { WitnessError } from "@gaiaftcl/witness";
import { decodeBase64, verify } from "@gaiaftcl/witness/ed25519";
import { FranklinError, quote } from "./franklin-error.js";
import { asHandshake } from "./message.js";
import type { Operator, Operators } from "./operators.js";

const SIGNATURE_BYTES = 64;

/**
 * Who a peer proves to be by its handshake (cell format, section 6).
 *
 * @param challenge the 32 bytes this connection was given
 * @throws FranklinError `ANONYMOUS`, `OPERATOR_UNKNOWN`, `SIGNATURE_INVALID`
 */
export function authenticate(
  message: JsonValue,
  challenge: Uint8Array,
  operators: Operators,
): Operator {
  const handshake = asHandshake(message);
  if (handshake === undefined) {
    throw new FranklinError(
      "ANONYMOUS",
      "expected a handshake with op, operator_context and signature before anything else",
    );
  }
  const operator = operators.get(handshake.operator_context);
  if (operator === undefined) {
    throw new FranklinError(
      "OPERATOR_UNKNOWN",
      `no operator ${quote(handshake.operator_context)} is configured`,
    );
  }
  if (!verify(operator.publicKey, challenge, readSignature(handshake.signature))) {
    throw new FranklinError(
      "SIGNATURE_INVALID",
      `the signature of ${quote(operator.context)} does not cover this connection's challenge`,
    );
  }
  return operator;
}

function readSignature(text: string): Uint8Array {
  try {
    const signature = decodeBase64(text);
    if (signature.length === SIGNATURE_BYTES) return signature;
  } catch (cause) {
    if (!(cause instanceof WitnessError)) throw cause;
  }
  throw new FranklinError(
    "SIGNATURE_INVALID",
    `expected a signature as strict base64 of ${SIGNATURE_BYTES} bytes`,
  );
}

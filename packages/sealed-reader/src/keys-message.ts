import { type FederationContext, type FederationKeys, federationKeys } from "@gaiaftcl/witness";
import { parsePublicKey, publicKeyToHex } from "@gaiaftcl/witness/ed25519";

/** Federation keys in a form that can be sent to another thread. */
export interface KeysMessage {
  readonly keys: readonly (readonly [FederationContext, string])[];
  readonly singleOperator: boolean;
  readonly revoked: readonly string[];
}

export function keysToMessage(keys: FederationKeys): KeysMessage {
  return {
    keys: [...keys.keys].map(([context, key]) => [context, publicKeyToHex(key)]),
    singleOperator: keys.singleOperator,
    revoked: [...keys.revoked],
  };
}

export function keysFromMessage(message: KeysMessage): FederationKeys {
  return federationKeys(
    message.keys.map(([context, key]) => [context, parsePublicKey(key)] as const),
    {
      singleOperator: message.singleOperator,
      revoked: message.revoked.map((key) => parsePublicKey(key)),
    },
  );
}

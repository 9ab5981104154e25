import { type PrivateKey, privateKeyFromSeed } from "@gaiaftcl/witness/ed25519";

/** The operator that the benchmark's client is and its server knows. */
export const benchOperator: { readonly operatorContext: string; readonly privateKey: PrivateKey } =
  {
    operatorContext: "bench",
    privateKey: privateKeyFromSeed(new Uint8Array(32).fill(1)),
  };

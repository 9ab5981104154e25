import { readFileSync } from "node:fs";

interface HorizonVector {
  readonly origin: string;
  readonly horizon: string;
}

/** Links, horizons and envelopes: seen of net-mesh 0.19.0, or computed from the format a second time. */
interface CausalVectors {
  readonly horizons_observed: readonly HorizonVector[];
  readonly horizons_computed: readonly HorizonVector[];
  readonly chain_observed: {
    readonly seed: string;
    readonly inputs: readonly string[];
    readonly outputs: readonly { readonly after_inputs: number; readonly payload: string }[];
    readonly head: string;
  };
  readonly events_computed: {
    readonly origin: string;
    readonly list: string;
    readonly payloads: readonly string[];
    readonly next: string;
  };
  readonly envelopes: readonly {
    readonly label: string;
    readonly seed: string;
    readonly target_secret: string;
    readonly ephemeral_secret?: string;
    readonly link: string;
    readonly envelope: string;
  }[];
}

export const causalVectors: CausalVectors = JSON.parse(
  readFileSync(new URL("../vectors/causal-link.json", import.meta.url), "utf8"),
);

import { type ChiSquareTest, contingencyTest, geometricTest } from "./chi-square.js";
import { addHistograms, type Measurement } from "./measurement.js";

/** A hash has a leading zero nibble with probability 1/16, each independently of the others. */
const CHANCE_OF_NO_ZERO = 15 / 16;

/** The deterministic statistics over the evidence of a session (cell format, section 6). */
export const ALGORITHM_NAMES = [
  "leading_zero_geometric",
  "nonce_half_independence",
  "extranonce_homogeneity",
] as const;

export type AlgorithmName = (typeof ALGORITHM_NAMES)[number];

/** What an algorithm looks at: the histograms of each evidence row. */
export type Sample = Pick<Measurement, "histogram" | "halves">;

export interface Algorithm {
  /** Whether it needs `halves`, which no row has sealed: they are computed again. */
  readonly needsHalves: boolean;
  readonly test: (samples: readonly Sample[]) => ChiSquareTest;
}

export const ALGORITHMS: Readonly<Record<AlgorithmName, Algorithm>> = {
  /** Leading zero nibbles of all hashes against the law they should follow. */
  leading_zero_geometric: {
    needsHalves: false,
    test: (samples) =>
      geometricTest(addHistograms(samples.map((sample) => sample.histogram)), CHANCE_OF_NO_ZERO),
  },
  /** The first half of the nonces of every extranonce against the second. */
  nonce_half_independence: {
    needsHalves: true,
    test: (samples) =>
      contingencyTest([
        addHistograms(samples.map((sample) => sample.halves[0])),
        addHistograms(samples.map((sample) => sample.halves[1])),
      ]),
  },
  /** The extranonces against each other. */
  extranonce_homogeneity: {
    needsHalves: false,
    test: (samples) => contingencyTest(samples.map((sample) => sample.histogram)),
  },
};

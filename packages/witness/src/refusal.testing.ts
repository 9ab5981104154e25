import { WitnessError, type WitnessErrorCode } from "./witness-error.js";

/** The code of the WitnessError that a call throws, or what happened instead. */
export function refusalOf(run: () => unknown): WitnessErrorCode | "nothing was refused" {
  try {
    run();
  } catch (error) {
    if (error instanceof WitnessError) return error.code;
    throw error;
  }
  return "nothing was refused";
}

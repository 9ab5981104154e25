import { randomBytes } from "node:crypto";

/** Where random bytes come from: `length` of them at each call. */
export type RandomBytes = (length: number) => Uint8Array;

/** The system's generator. */
export const systemRandomBytes: RandomBytes = (length) => new Uint8Array(randomBytes(length));

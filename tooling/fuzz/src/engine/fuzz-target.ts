/** What is fuzzed: one decoder and what must hold of it, whatever bytes come. */
export interface FuzzTarget {
  /** `package/decoder` */
  readonly name: string;
  /** Inputs to begin with, as varied as there are; texts stand for their UTF-8. */
  seeds(): Iterable<Uint8Array | string>;
  /** Words of the format that chance would take long to spell. */
  readonly dictionary?: readonly (Uint8Array | string)[];
  /** The longest input tried, in bytes; 2048. */
  readonly maxLength?: number;
  /** What a run may allocate beyond a share of its input, in bytes; 8 MiB. */
  readonly memory?: number;
  /** How many blocks a run may pass beyond a share of its input; 50,000. */
  readonly work?: number;
  /** How many inputs a check tries, as a part of what others try; 1. */
  readonly share?: number;
  /**
   * Decodes, and throws when something does not hold. The target refuses the input by returning.
   *
   * @param input a view into a larger buffer, of this run alone
   */
  run(input: Uint8Array): void | Promise<void>;
}

export function bytesOf(value: Uint8Array | string): Uint8Array {
  return typeof value === "string" ? Buffer.from(value) : value;
}

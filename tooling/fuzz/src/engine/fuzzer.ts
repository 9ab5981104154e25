import { guessesFrom, wordsOf } from "./comparison-guesses.ts";
import { CoverageMap, featuresOfRun } from "./coverage-map.ts";
import { Execution, type Finding, type Surroundings } from "./execution.ts";
import { bytesOf, type FuzzTarget } from "./fuzz-target.ts";
import { Mutator } from "./mutator.ts";
import { endTrace, startTrace } from "./probe.ts";
import { Random } from "./random.ts";

const DEFAULT_MAX_LENGTH = 2048;
const MAX_WORDS = 256;
const MUTATIONS_A_TURN = 16;
const SHRINKING_RUNS = 3000;

export interface FuzzerOptions extends Surroundings {
  readonly seed: number;
  /** Inputs found before. */
  readonly corpus: readonly Uint8Array[];
  /** Whether to go on, asked before every run. */
  readonly goesOn: (runs: number) => boolean;
}

export interface FuzzReport {
  readonly runs: number;
  readonly features: number;
  readonly blocks: number;
  /** The inputs that each passed something new when it came. */
  readonly corpus: readonly Uint8Array[];
  readonly finding?: Finding;
}

interface Entry {
  readonly input: Uint8Array;
  picked: number;
}

/**
 * Looks for an input with which a target fails: keeps every input that passes code in a new way, changes
 * those, and writes into them what the target compared them with. The same options give the same inputs.
 */
export class Fuzzer {
  readonly #options: FuzzerOptions;
  readonly #target: FuzzTarget;
  readonly #random: Random;
  readonly #execution: Execution;
  readonly #mutator: Mutator;
  readonly #words: Uint8Array[];
  readonly #coverage = new CoverageMap();
  readonly #entries: Entry[] = [];
  readonly #maxLength: number;
  #finding: Finding | undefined;

  constructor(target: FuzzTarget, options: FuzzerOptions) {
    this.#target = target;
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#execution = new Execution(target, options);
    this.#maxLength = target.maxLength ?? DEFAULT_MAX_LENGTH;
    this.#words = (target.dictionary ?? []).map(bytesOf);
    this.#mutator = new Mutator(this.#random, this.#words, this.#maxLength);
  }

  async run(): Promise<FuzzReport> {
    // The empty input is one that people forget.
    for (const seed of [new Uint8Array(0), ...this.#target.seeds(), ...this.#options.corpus]) {
      await this.#try(bytesOf(seed));
    }
    if (this.#entries.length === 0) this.#entries.push({ input: new Uint8Array(0), picked: 0 });
    while (this.#goesOn()) await this.#turn(this.#pick());
    const finding = this.#finding === undefined ? undefined : await this.#shrink(this.#finding);
    return {
      runs: this.#execution.count,
      features: this.#coverage.features,
      blocks: this.#coverage.blocks,
      corpus: this.#entries.map(({ input }) => input),
      ...(finding === undefined ? {} : { finding }),
    };
  }

  #goesOn(): boolean {
    return this.#finding === undefined && this.#options.goesOn(this.#execution.count);
  }

  async #turn(entry: Entry): Promise<void> {
    entry.picked += 1;
    if (entry.picked === 1) await this.#guess(entry.input);
    for (let turn = 0; turn < MUTATIONS_A_TURN && this.#goesOn(); turn += 1) {
      const other = this.#random.pick(this.#entries).input;
      await this.#try(this.#mutator.mutate(entry.input, other));
    }
  }

  async #guess(input: Uint8Array): Promise<void> {
    startTrace();
    await this.#try(input);
    const comparisons = endTrace();
    for (const word of wordsOf(comparisons)) {
      if (this.#words.length >= MAX_WORDS) break;
      if (!this.#words.some((known) => Buffer.compare(known, word) === 0)) this.#words.push(word);
    }
    for (const guess of guessesFrom(input, comparisons)) {
      if (!this.#goesOn()) return;
      if (guess.length <= this.#maxLength) await this.#try(guess);
    }
  }

  async #try(input: Uint8Array): Promise<void> {
    if (this.#finding !== undefined) return;
    this.#finding = await this.#execution.run(input);
    if (this.#coverage.absorb(this.#options.blocks())) this.#entries.push({ input, picked: 0 });
  }

  /** Of two, the one that had fewer turns. */
  #pick(): Entry {
    const one = this.#random.pick(this.#entries);
    const other = this.#random.pick(this.#entries);
    return one.picked <= other.picked ? one : other;
  }

  /** The finding with as little input as fails alike: pieces left out, then bytes made 0. */
  async #shrink(finding: Finding): Promise<Finding> {
    let smallest = finding;
    const limit = this.#execution.count + SHRINKING_RUNS;
    const isAlike = async (input: Uint8Array): Promise<boolean> => {
      if (this.#execution.count >= limit) return false;
      const found = await this.#execution.run(input);
      if (found?.kind !== finding.kind) return false;
      smallest = found;
      return true;
    };
    for (let size = finding.input.length; size >= 1; size = Math.floor(size / 2)) {
      for (let at = 0; at + size <= smallest.input.length; ) {
        const { input } = smallest;
        const rest = Buffer.concat([input.subarray(0, at), input.subarray(at + size)]);
        if (!(await isAlike(rest))) at += size;
      }
    }
    for (const at of smallest.input.keys()) {
      if (smallest.input[at] !== 0) await isAlike(smallest.input.with(at, 0));
    }
    return smallest;
  }
}

/** The inputs, short ones first, that pass what neither the target's seeds nor shorter ones pass. */
export async function smallestCover(
  target: FuzzTarget,
  inputs: readonly Uint8Array[],
  surroundings: Surroundings,
): Promise<Uint8Array[]> {
  const execution = new Execution(target, surroundings);
  const passed = new Set<number>();
  const isNew = async (input: Uint8Array): Promise<boolean> => {
    await execution.run(input);
    const before = passed.size;
    for (const feature of featuresOfRun(surroundings.blocks())) passed.add(feature);
    return passed.size > before;
  };
  for (const seed of target.seeds()) await isNew(bytesOf(seed));
  const kept: Uint8Array[] = [];
  for (const input of inputs.toSorted((a, b) => a.length - b.length)) {
    if (await isNew(input)) kept.push(input);
  }
  return kept;
}

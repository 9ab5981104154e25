import { homedir } from "node:os";
import { resolve } from "node:path";
import { type CellConfiguration, loadConfiguration, readRuntimeState } from "@gaiaftcl/cell";
import {
  type BrokerUrls,
  brokerUrls,
  type CellLayout,
  cellLayout,
  type HostEnvironment,
} from "@gaiaftcl/cell-layout";
import { KeyStore, loadFederationKeysFile } from "@gaiaftcl/key-store";
import type { FederationKeys } from "@gaiaftcl/witness";
import { CommandError } from "./command-error.js";
import type { Output } from "./output.js";

/** What every command starts from: where the cell is, where output goes, and when to stop. */
export class Session {
  readonly layout: CellLayout;
  readonly output: Output;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly env: NodeJS.ProcessEnv;
  /** What to type so that a further command means the same home. */
  readonly homeOption: string;

  constructor(options: {
    readonly home: string | undefined;
    readonly output: Output;
    readonly signal: AbortSignal;
    readonly env: NodeJS.ProcessEnv;
  }) {
    const { home } = options;
    this.env = options.env;
    this.layout = cellLayout(
      hostEnvironment(options.env),
      home === undefined ? {} : { home: resolve(home) },
    );
    this.output = options.output;
    this.signal = options.signal;
    this.homeOption = home === undefined ? "" : ` --home ${shellWord(home)}`;
  }

  /** A command line for this home, as an error names it. */
  command(words: string): string {
    return `gaiaftcl ${words}${this.homeOption}`;
  }

  get keys(): KeyStore {
    return new KeyStore(this.layout.keysDirectory);
  }

  configuration(): Promise<CellConfiguration> {
    return loadConfiguration(this.layout, this.env);
  }

  /** The federation keys of the home, or undefined where there is no such file. */
  federationKeys(): Promise<FederationKeys | undefined> {
    return loadFederationKeysFile(this.layout.federationKeysPath);
  }

  /**
   * The keys to verify rows with: none, unless every row is to be cosigned. A file of keys that cannot
   * be used is an error either way.
   */
  async rowKeys(signed: boolean): Promise<FederationKeys | undefined> {
    const keys = await this.federationKeys();
    if (!signed) return undefined;
    if (keys !== undefined) return keys;
    throw new CommandError(
      "BLOCKED",
      `--signed needs the federation keys, and ${this.layout.federationKeysPath} does not exist`,
      "keys generate",
    );
  }

  /** The brokers of the running cell, otherwise those of the settings. */
  async brokers(): Promise<BrokerUrls> {
    const configured = (await this.configuration()).brokers;
    const named = brokerUrls(this.env);
    const state = await readRuntimeState(this.layout);
    if (state === undefined) return configured;
    const usual = brokerUrls({});
    return {
      substrate: named.substrate === usual.substrate ? state.brokers.substrate : named.substrate,
      franklin: named.franklin === usual.franklin ? state.brokers.franklin : named.franklin,
    };
  }
}

/** A text as one word of a shell. */
function shellWord(text: string): string {
  return /^[\w./:@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function hostEnvironment(env: NodeJS.ProcessEnv): HostEnvironment {
  return { platform: process.platform, homeDirectory: homedir(), env };
}

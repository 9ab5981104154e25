import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { type Cell, type CellPart, startCell } from "@gaiaftcl/cell";
import { FranklinClient, type VerifiedResponse } from "@gaiaftcl/franklin-socket/client";
import { cosign, type Manifest, ManifestSigner } from "@gaiaftcl/manifest";
import { MeshLoader, MeshLoaderError } from "@gaiaftcl/mesh-loader";
import type { Subscription } from "@gaiaftcl/nats-subscribe";
import { openSealed } from "@gaiaftcl/sealed-reader";
import { federationKeys } from "@gaiaftcl/witness";
import type { Logger } from "pino";
import { subscribeToCell } from "../subscribe-to-cell.js";
import { ensure } from "./ensure.js";
import { callSampleBridge, type SampleBridge, sampleBridge } from "./sample-bridge.js";
import { type ScratchHome, scratchOperator } from "./scratch-home.js";
import type { WalkStep } from "./walk.js";

const evidenceTable = "qc020_joint_variation_evidence";
const evidenceSubject = "gaiaftcl.qc020.substrate.joint_variation_evidence.sealed";

/** The main job of a cell, over the interfaces that its users have. Each step needs those before it. */
export class CellWalk implements AsyncDisposable {
  readonly #home: ScratchHome;
  readonly #env: NodeJS.ProcessEnv;
  readonly #logger: Logger;
  readonly #loader: MeshLoader;
  readonly #started = new Map<CellPart, PromiseWithResolvers<void>>();
  #starting: Promise<Cell> | undefined;
  #cell: Cell | undefined;
  #client: FranklinClient | undefined;
  #manifest: Manifest | undefined;
  #subscription: Subscription | undefined;
  #measurement: Measurement | undefined;

  constructor(home: ScratchHome, env: NodeJS.ProcessEnv, logger: Logger) {
    this.#home = home;
    this.#env = env;
    this.#logger = logger;
    const { meshCacheRoot: cacheRoot, trustStorePath: trustStore } = home.layout;
    const federationPublicKeys = federationKeys(
      [...home.federation].map(([context, { publicKey }]) => [context, publicKey] as const),
    );
    this.#loader = new MeshLoader({
      cacheRoot,
      trustStore,
      federationPublicKeys,
      requireSigned: true,
    });
  }

  /** The cell, once it has started. */
  get cell(): Cell | undefined {
    return this.#cell;
  }

  /** Ends what was started, last first. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#subscription?.close();
    await this.#client?.close();
    await this.#starting?.catch(() => undefined);
    await this.#cell?.close();
  }

  steps(): readonly WalkStep[] {
    return [
      { name: "brokers up", run: () => this.#startCell() },
      { name: "database created", run: () => this.#awaitDatabase() },
      { name: "socket bound", run: () => this.#awaitSocket() },
      { name: "operator handshake", run: () => this.#shakeHands() },
      { name: "bridge signed", run: () => this.#signBridge() },
      { name: "bridge cosigned", run: () => this.#cosignBridge() },
      { name: "bridge published", run: () => this.#publishBridge() },
      { name: "bridge loaded", run: () => this.#loadBridge() },
      { name: "measurement composed", run: () => this.#compose() },
      { name: "rows on NATS", run: () => this.#receiveRows() },
      { name: "rows in SQLite", run: () => this.#readRows() },
      { name: "session replayed", run: () => this.#replay() },
      { name: "tampered copy refused", run: () => this.#refuseTampered() },
    ];
  }

  async #startCell(): Promise<string> {
    const { layout, configuration } = this.#home;
    for (const part of cellParts) this.#started.set(part, Promise.withResolvers<void>());
    const isExternal = Boolean(this.#env["GAIAFTCL_NATS_URL"]);
    this.#starting = startCell({
      layout,
      configuration,
      logger: this.#logger,
      brokers: isExternal ? "embed" : "own",
      // A turn of the event loop between two parts, so that each step has its own time.
      onStarted: (part) => {
        this.#started.get(part)?.resolve();
        return setImmediate();
      },
    });
    this.#starting.then(
      (cell) => {
        this.#cell = cell;
      },
      () => undefined,
    );
    await this.#part("brokers");
    return isExternal ? "at the URLs of the environment" : "embedded";
  }

  async #awaitDatabase(): Promise<string> {
    await this.#part("database");
    return this.#home.layout.databasePath;
  }

  async #awaitSocket(): Promise<string> {
    await this.#part("socket");
    this.#cell = await held(this.#starting);
    return this.#cell.state.socket;
  }

  /** A part that has started, or the failure that keeps it from starting. */
  async #part(part: CellPart): Promise<void> {
    await Promise.race([held(this.#started.get(part)).promise, held(this.#starting)]);
  }

  async #shakeHands(): Promise<string> {
    this.#client = await FranklinClient.connect({
      socketPath: this.#home.layout.socketPath,
      operatorContext: scratchOperator,
      privateKey: this.#home.operator.privateKey,
    });
    const { outcome, report } = await this.#client.franklinAuthorityShow();
    ensureOk(outcome);
    return `accepted as ${scratchOperator}; first response ${report.level}`;
  }

  async #signBridge(): Promise<string> {
    const { cellId, domainId } = this.#home.configuration;
    const signer = new ManifestSigner({ cellId, domainId });
    const { directory, prefix } = sampleBridge;
    this.#manifest = await signer.signDirectory(directory, { prefix });
    return `${this.#manifest.artifacts.length} files, ${this.#manifest.witnessHash}`;
  }

  async #cosignBridge(): Promise<string> {
    let manifest = held(this.#manifest);
    for (const [context, { privateKey }] of this.#home.federation) {
      manifest = cosign(manifest, context, privateKey);
    }
    this.#manifest = manifest;
    return `by ${[...this.#home.federation.keys()].join(", ")}`;
  }

  async #publishBridge(): Promise<string> {
    const manifest = held(this.#manifest);
    await this.#loader.publish(sampleBridge.directory, sampleBridge.name, { manifest });
    return join(this.#loader.cacheRoot, sampleBridge.name);
  }

  async #loadBridge(): Promise<string> {
    const { module, report } = await this.#loader.open<SampleBridge>(sampleBridge.name);
    ensure(report.level === "signed", `expected level signed, found ${report.level}`);
    return `${report.level}; leading_zero_histogram of 4,096 digests: ${callSampleBridge(module)}`;
  }

  async #compose(): Promise<string> {
    const { substrate, franklin } = held(this.#cell).brokers;
    this.#subscription = await subscribeToCell(evidenceSubject, {
      urls: { substrate, franklin },
      databasePath: this.#home.layout.databasePath,
    });
    await this.#subscription.ready();
    const { outcome, report } = await held(this.#client).composeQc020Measurement();
    ensureOk(outcome);
    const { session_id: sessionId, witness_hashes: witnessHashes } = outcome;
    ensure(typeof sessionId === "string" && Array.isArray(witnessHashes), "no session was named");
    this.#measurement = { sessionId, witnessHashes: witnessHashes.map(String) };
    return `${sessionId}, ${witnessHashes.length} rows; response ${report.level}`;
  }

  async #receiveRows(): Promise<string> {
    const wanted = new Set(held(this.#measurement).witnessHashes);
    const count = wanted.size;
    for await (const event of held(this.#subscription)) {
      ensure(event.report.ok, `a row on ${event.subject} did not verify`);
      wanted.delete(String(event.row?.["witness_hash_sha256"]));
      if (wanted.size === 0) break;
    }
    ensure(wanted.size === 0, `${wanted.size} of ${count} rows did not arrive`);
    return `${count} on ${evidenceSubject}, each verified`;
  }

  async #readRows(): Promise<string> {
    const { sessionId, witnessHashes } = held(this.#measurement);
    await using reader = await openSealed(this.#home.layout.databasePath);
    const found: string[] = [];
    for await (const { row, report } of reader.jointVariationEvidence({ session: sessionId })) {
      ensure(report.ok, `row ${row["evidence_id"]} did not verify: ${report.summary}`);
      found.push(String(row["witness_hash_sha256"]));
    }
    ensure(found.join() === witnessHashes.join(), "the rows are not those of the response");
    const { summary, ok } = await reader.verifyAll(evidenceTable);
    ensure(ok, summary);
    return summary;
  }

  async #replay(): Promise<string> {
    const { sessionId } = held(this.#measurement);
    const { outcome } = await held(this.#client).replaySession(sessionId);
    ensureOk(outcome);
    ensure(outcome["bit_exact"] === true, "the replay differs from what was sealed");
    return `${outcome["rows"]} rows bit-exact`;
  }

  async #refuseTampered(): Promise<string> {
    const path = join(this.#loader.cacheRoot, sampleBridge.name, "artifacts", "lib", "nibbles.js");
    await appendFile(path, "\n// one more line\n");
    const refusal = await this.#loader.open(sampleBridge.name).then(
      () => undefined,
      (error: unknown) => error,
    );
    ensure(refusal instanceof MeshLoaderError, "the tampered copy was loaded");
    return `${refusal.code}: ${refusal.message}`;
  }
}

interface Measurement {
  readonly sessionId: string;
  readonly witnessHashes: readonly string[];
}

const cellParts: readonly CellPart[] = ["brokers", "database", "socket"];

/** What an earlier step has left. */
function held<Value>(value: Value | undefined): Value {
  ensure(value !== undefined, "a step before this one left nothing");
  return value;
}

function ensureOk(outcome: VerifiedResponse["outcome"]): void {
  if (outcome.status === "ok") return;
  ensure(false, `${outcome.status}, ${outcome.code}: ${outcome.reason}`);
}

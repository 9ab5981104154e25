import { mkdir } from "node:fs/promises";
import type { BrokerUrls, CellLayout } from "@gaiaftcl/cell-layout";
import {
  type CommandHandler,
  type CommandSealer,
  FranklinError,
  FranklinServer,
  lockHolder,
} from "@gaiaftcl/franklin-socket/server";
import { loadFederationKeysFile } from "@gaiaftcl/key-store";
import { SEALED_TABLES } from "@gaiaftcl/sealed-row";
import {
  Outbox,
  openSubstrate,
  runHeartbeats,
  SealQueue,
  SubstrateService,
} from "@gaiaftcl/substrate";
import type { Logger } from "pino";
import { type BrokerPolicy, openBrokers } from "./brokers.js";
import { Bus } from "./bus.js";
import { CommandForwarder } from "./command-forwarder.js";
import { loadCommandKey } from "./command-key.js";
import { CommandResponder } from "./command-responder.js";
import type { CellConfiguration } from "./configuration.js";
import { DisposalStack } from "./disposal-stack.js";
import { loadOperatorsFile } from "./operators-file.js";
import { authority, isForwarded, unknownVerb } from "./preflight.js";
import { type RuntimeState, removeRuntimeState, writeRuntimeState } from "./runtime-state.js";

export interface CellOptions {
  readonly layout: CellLayout;
  readonly configuration: CellConfiguration;
  readonly logger: Logger;
  /** What to do where no broker answers; unless given, as the configuration says. */
  readonly brokers?: BrokerPolicy;
  readonly clock?: () => Date;
  /** Told of each part as it stands, in this order; the next one waits for what it returns. */
  readonly onStarted?: (part: CellPart) => Promise<void> | void;
}

export type CellPart = "brokers" | "database" | "socket";

/** A running cell: brokers, sealed database, substrate service, publisher and Franklin's socket. */
export interface Cell extends AsyncDisposable {
  readonly state: RuntimeState;
  readonly brokers: BrokerUrls;
  /**
   * Reads `operators.toml` again. What operators may do changes at once, and those that are gone are
   * disconnected.
   *
   * @throws FranklinError for a file that cannot be used; the operators stay as they were
   */
  reloadOperators(): Promise<void>;
  /** Shuts down in the reverse order of starting; what was accepted is sealed first. */
  close(): Promise<void>;
}

/** What a broker that ended may have confirmed and not delivered; subscribers remove duplicates. */
const repeatedRows = 2_048;

/**
 * Starts a cell (cell format, sections 5 to 7). One home has one cell: the lock of the socket decides.
 *
 * @throws FranklinError `ALREADY_RUNNING` where another process runs this home; CellError, SubstrateError,
 *   NatsBrokerError, KeyStoreError for what keeps it from starting. Nothing is left running.
 */
export async function startCell(options: CellOptions): Promise<Cell> {
  const stack = new DisposalStack();
  try {
    const { state, reloadOperators } = await start(options, stack);
    return {
      state,
      brokers: state.brokers,
      reloadOperators,
      close: () => stack[Symbol.asyncDispose](),
      [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
    };
  } catch (error) {
    await stack[Symbol.asyncDispose]().catch((failure: unknown) => {
      options.logger.error({ err: failure }, "shutting down after a failed start");
    });
    throw error;
  }
}

async function start(
  options: CellOptions,
  stack: DisposalStack,
): Promise<Pick<Cell, "state" | "reloadOperators">> {
  const { layout, configuration, logger } = options;
  const clock = options.clock ?? (() => new Date());
  await mkdir(layout.dataDirectory, { recursive: true, mode: 0o700 });
  refuseSecondCell(layout);

  const federationKeys = await loadFederationKeysFile(layout.federationKeysPath);
  const operators = await loadOperatorsFile(layout.operatorsPath, federationKeys);
  const key = await loadCommandKey(layout.dataDirectory);
  const { cellId, domainId } = configuration;

  const policy = options.brokers ?? (configuration.embeddedBrokers ? "embed" : "external");
  const brokers = stack.use(await openBrokers(configuration.brokers, policy));
  await options.onStarted?.("brokers");
  const substrate = stack.use(
    openSubstrate(layout.databasePath, {
      cellId,
      domainId,
      clock,
      maxBytes: configuration.maxDatabaseBytes,
    }),
  );
  await options.onStarted?.("database");
  const service = stack.use(
    new SubstrateService(substrate, { clock, cadenceSeconds: configuration.heartbeatSeconds }),
  );
  const responder = stack.use(new CommandResponder({ key, service, clock, logger }));
  const bus = stack.use(
    new Bus(brokers.urls, {
      logger,
      isReturning: SEALED_TABLES.some(({ name }) => substrate.lastSeq(name) > 0),
      onSubstrateConnected: (connection) => responder.serve(connection),
      onSettled: () => outbox.repeat(repeatedRows),
    }),
  );
  const outbox = stack.use(
    new Outbox(substrate, bus, {
      retryMaxMs: 1_000,
      onProblem: (problem) => logger.warn({ code: problem.code }, problem.message),
    }),
  );
  const forwarder = new CommandForwarder({
    broker: bus.substrate,
    key,
    clock,
    timeoutMs: configuration.commandTimeoutSeconds * 1000,
  });

  const server = stack.use(
    await FranklinServer.listen({
      socketPath: layout.socketPath,
      lockPath: layout.lockPath,
      operators,
      ...(federationKeys === undefined ? {} : { federationKeys }),
      handler: commandHandler(options, forwarder),
      seal: commandSealer(stack.use(new SealQueue(substrate))),
      logger,
      limits: { requestMs: (configuration.commandTimeoutSeconds + 5) * 1000 },
    }),
  );
  await options.onStarted?.("socket");

  const state: RuntimeState = {
    pid: process.pid,
    started_at_iso: clock().toISOString(),
    cell_id: cellId,
    domain_id: domainId,
    socket: layout.socketPath,
    database: layout.databasePath,
    brokers: { ...brokers.urls },
    embedded_brokers: [...brokers.embedded],
  };
  await writeRuntimeState(layout, state);
  stack.defer(() => removeRuntimeState(layout, process.pid));
  stack.defer(startHeartbeats(service, logger));
  return {
    state,
    reloadOperators: async () => {
      server.setOperators(await loadOperatorsFile(layout.operatorsPath, federationKeys));
    },
  };
}

/** Answers what the daemon answers itself, and forwards what is the substrate's. */
function commandHandler(
  { configuration, layout }: CellOptions,
  forwarder: CommandForwarder,
): CommandHandler {
  return ({ method, args, requestId }, { operatorContext, signal }) => {
    if (method === "franklin_authority_show") return authority(configuration, layout);
    if (!isForwarded(method)) return unknownVerb(method, layout);
    return forwarder.forward({ method, args, requestId, operatorContext }, signal);
  };
}

/** Seals each command that was answered into its table. */
function commandSealer(queue: SealQueue): CommandSealer {
  return async (columns) => {
    const row = await queue.seal("franklin_commands", columns);
    return {
      canonicalWitness: String(row["canonical_witness"]),
      witnessHash: String(row["witness_hash_sha256"]),
      quintet: JSON.parse(String(row["signature_quintet"])) as string[],
    };
  };
}

/** Seals heartbeats until the returned function is called, which waits for the last one. */
function startHeartbeats(service: SubstrateService, logger: Logger): () => Promise<void> {
  const ended = new AbortController();
  const beating = runHeartbeats(service, {
    signal: ended.signal,
    onError: (error) => logger.error({ err: error }, "the heartbeat could not be sealed"),
  });
  return () => {
    ended.abort();
    return beating;
  };
}

// The lock itself is taken with the socket. Asking first spares the running cell a second set of
// brokers and connections.
function refuseSecondCell(layout: CellLayout): void {
  const holder = lockHolder(layout.lockPath);
  if (holder === undefined) return;
  throw new FranklinError(
    "ALREADY_RUNNING",
    `${holder.pid === undefined ? "another process" : `process ${holder.pid}, started ${holder.startedAtIso},`} runs the cell of ${layout.home} already; stop it with: gaiaftcl cell stop`,
  );
}

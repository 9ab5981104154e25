import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { NatsBroker, type NatsBrokerOptions } from "@gaiaftcl/nats-broker";
import { openSealed, type SealedReader } from "@gaiaftcl/sealed-reader";
import {
  encodeEvent,
  ensureSealedTable,
  GENESIS_HASH,
  type RowRecord,
  type RowValue,
  SEAL_COLUMNS,
  SEALED_TABLES,
  type SealedTable,
  sealRow,
} from "@gaiaftcl/sealed-row";
import type { Sha256Hex } from "@gaiaftcl/witness";
import type { NatsConnection } from "@nats-io/nats-core";
import { connect } from "@nats-io/transport-node";
import { afterEach, vi } from "vitest";
import {
  type SubscribedMessage,
  type SubscribeOptions,
  type Subscription,
  subscribe,
} from "./index.js";
import type { SubscriptionStatus } from "./status.js";

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

export const TABLE = "research_telemetry";
export const SUBJECT = "gaiaftcl.substrate.research_telemetry.sealed";

export async function startBroker(options: NatsBrokerOptions = {}): Promise<NatsBroker> {
  const broker = await NatsBroker.listen(options);
  cleanUps.push(() => broker.close());
  return broker;
}

/** A client that publishes what it is told. */
export async function publisher(broker: NatsBroker): Promise<NatsConnection> {
  const connection = await connect({ servers: broker.url, reconnect: false });
  cleanUps.push(() => connection.close());
  return connection;
}

export interface Watched {
  readonly subscription: Subscription;
  readonly statuses: SubscriptionStatus[];
}

/** A subscription that is closed after the test, and what its status was. */
export function watch(subjects: string | readonly string[], options: SubscribeOptions): Watched {
  const statuses: SubscriptionStatus[] = [];
  const subscription = subscribe(subjects, {
    ...options,
    onStatus: (status) => statuses.push(status),
  });
  cleanUps.push(() => subscription.close());
  return { subscription, statuses };
}

/** The next so many messages. */
export async function take(
  subscription: AsyncIterator<SubscribedMessage>,
  count: number,
): Promise<readonly SubscribedMessage[]> {
  const messages: SubscribedMessage[] = [];
  while (messages.length < count) {
    const { value, done } = await subscription.next();
    if (done === true) break;
    messages.push(value);
  }
  return messages;
}

export function seqsOf(messages: readonly SubscribedMessage[]): readonly number[] {
  return messages.map(({ row }) => Number(row?.["seq"]));
}

/** Waits until something holds, with room for a machine that does other things. */
export function eventually(check: () => void): Promise<void> {
  return vi.waitFor(check, { timeout: 25_000, interval: 10 });
}

/** Seals rows, into a database of its own where it has one. */
export class Sealer {
  readonly database: DatabaseSync | undefined;
  readonly path: string | undefined;
  #previous: string = GENESIS_HASH;
  #seq = 0n;

  constructor(withDatabase = false) {
    if (!withDatabase) return;
    const directory = mkdtempSync(join(tmpdir(), "nats-subscribe-"));
    this.path = join(directory, "substrate.sqlite");
    this.database = new DatabaseSync(this.path);
    this.database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
    for (const table of SEALED_TABLES) this.database.exec(createStatement(table));
    cleanUps.push(() => {
      this.database?.close();
      rmSync(directory, { recursive: true, force: true });
    });
  }

  async reader(): Promise<SealedReader> {
    const reader = await openSealed(this.path);
    cleanUps.push(() => reader.close());
    return reader;
  }

  /** Seals one row of telemetry, and stores it where there is a database. */
  seal(columns: Readonly<Record<string, RowValue>> = {}, session = "s-1"): RowRecord {
    this.#seq += 1n;
    const sealed = sealRow(ensureSealedTable(TABLE), {
      columns: {
        telemetry_id: `t-${this.#seq}`,
        session_id: session,
        metric: "drift",
        value_text: null,
        detail_json: null,
        ...columns,
      },
      cellId: "test-cell",
      domainId: "tests",
      sealedAtIso: new Date(Date.UTC(2026, 10, 20) + Number(this.#seq) * 1000).toISOString(),
      broadcastAtIso: "2026-11-20T12:00:00.000Z",
      previous: this.#previous as Sha256Hex,
    });
    this.#previous = String(sealed["witness_hash_sha256"]);
    const row = { seq: this.#seq, ...sealed };
    const names = Object.keys(row);
    this.database
      ?.prepare(
        `INSERT INTO ${TABLE} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
      )
      .run(...Object.values(row));
    return row;
  }

  /** A good row that never was in the database. */
  static forge(seq: bigint, id = "forged"): RowRecord {
    const sealer = new Sealer();
    sealer.#seq = seq - 1n;
    return sealer.seal({ telemetry_id: id });
  }
}

export function eventOf(row: RowRecord, table: string = TABLE): Uint8Array {
  return encodeEvent(table, row);
}

function createStatement(table: SealedTable): string {
  const columns = [...table.columns, ...SEAL_COLUMNS].map(
    ({ name, type, nullable }) => `${name} ${type}${nullable ? "" : " NOT NULL"}`,
  );
  return `CREATE TABLE ${table.name} (seq INTEGER PRIMARY KEY AUTOINCREMENT, ${columns.join(", ")}) STRICT`;
}

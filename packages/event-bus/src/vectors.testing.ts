import { readFileSync } from "node:fs";
import { join } from "node:path";

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

interface PollVector {
  readonly limit: number;
  readonly cursor_decoded: Readonly<Record<string, string>> | null;
  readonly cursor_raw?: string;
  readonly filter: string | null;
  readonly ordering: string | null;
  readonly events?: readonly (readonly [number, string, number])[];
  readonly next_decoded?: Readonly<Record<string, string>> | null;
  readonly has_more?: boolean;
  readonly exception?: string;
  readonly message?: string;
}

/** What was captured from the running reference; see vectors/event-bus.json. */
export interface Vectors {
  readonly shard_assignment: {
    readonly vectors: readonly {
      readonly payload?: string;
      readonly payload_repeat?: { readonly unit: string; readonly count: number };
      readonly xxh3_64: string;
      readonly shard: Readonly<Record<string, number>>;
    }[];
  };
  readonly dict_ingest: {
    readonly vectors: readonly {
      readonly stored_text: string;
      readonly num_shards: number;
      readonly shard: number;
    }[];
  };
  readonly ring_capacity: readonly {
    readonly mode: "drop_newest" | "drop_oldest" | "fail_producer";
    readonly ring_buffer_capacity: number;
    readonly num_shards: number;
    readonly returned: number;
    readonly events_ingested: number;
    readonly events_dropped: number;
    readonly stored_count: number;
    readonly first_stored: number;
    readonly last_stored: number;
  }[];
  readonly constructor: readonly {
    readonly kwargs: Readonly<Record<string, Json>>;
    readonly ok: boolean;
    readonly message?: string;
  }[];
  readonly raw_acceptance: {
    readonly vectors: readonly {
      readonly ingested: string;
      readonly polled: string | null;
      readonly filtered: boolean;
    }[];
  };
  readonly filters: {
    readonly events: readonly string[];
    readonly vectors: readonly {
      readonly filter: string;
      readonly matches?: readonly number[];
      readonly message?: string;
    }[];
  };
  readonly poll: {
    readonly seed: readonly {
      readonly shard: number;
      readonly id: string;
      readonly raw: string;
      readonly t: number;
    }[];
    readonly chains: readonly { readonly name: string; readonly polls: readonly PollVector[] }[];
    readonly single: readonly PollVector[];
  };
  readonly redis_foreign_entries: {
    readonly entries: readonly (readonly [string, Readonly<Record<string, string>>])[];
    readonly polled: readonly (readonly [string, string, number, number])[];
    readonly filtered_count: number;
    readonly filtered_next_decoded: Readonly<Record<string, string>>;
  };
  readonly redis_written: {
    readonly config: { readonly num_shards: number; readonly redis_prefix: string };
    readonly ingested: readonly (readonly [string, number, number])[];
    readonly streams: Readonly<
      Record<string, readonly { readonly d: string; readonly dedup_id: string }[]>
    >;
  };
  readonly redis_stream_dedup: readonly {
    readonly capacity_arg: number | null;
    readonly ops: readonly string[];
    readonly results: readonly (boolean | null)[];
    readonly len: number;
    readonly capacity: number;
    readonly is_empty: boolean;
  }[];
  readonly json_depth: { readonly filter_max: number; readonly filtered_event_max: number };
}

export const vectors: Vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, "..", "vectors", "event-bus.json"), "utf8"),
) as Vectors;

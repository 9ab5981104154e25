import {
  defineModel,
  type EventInfo,
  type Model,
  operation,
  string,
  struct,
  Table,
  tableCodec,
  u64,
  variant,
} from "@gaiaftcl/cortex";

/** What happened to a module of a mesh cache. */
export type MeshEventKind = "published" | "loaded" | "refused";

/** What there is to say about it. */
export interface MeshOccurrence {
  /** The name of the module, such as `gaiaftcl.bridges.numpy_bridge`. */
  readonly module: string;
  /** The witness hash of the version; empty where the manifest could not be read. */
  readonly witnessHash: string;
  /** `produced_at_iso` of the manifest; empty where it could not be read. */
  readonly producedAtIso: string;
  /** When it happened, in nanoseconds since 1970. */
  readonly atNs: bigint;
  /** The level reached, or the code and reason of the refusal. */
  readonly detail: string;
}

/** One entry of the history; `seq` is its place in the log. */
export interface MeshEvent extends MeshOccurrence {
  readonly seq: bigint;
  readonly kind: MeshEventKind;
}

export interface MeshHistoryFilter {
  readonly module?: string | undefined;
  readonly kind?: MeshEventKind | undefined;
  readonly limit?: number | undefined;
}

export interface MeshHistoryQueries {
  /** The newest first. */
  list(filter?: MeshHistoryFilter): readonly MeshEvent[];
}

export type MeshHistoryInputs = Readonly<Record<MeshEventKind, MeshOccurrence>>;

export type MeshHistoryTable = Table<bigint, MeshEvent, "module" | "kind">;

const occurrence = {
  module: string,
  witnessHash: string,
  producedAtIso: string,
  atNs: u64,
  detail: string,
};

const eventCodec = struct<MeshEvent>({
  seq: u64,
  kind: variant("published", "loaded", "refused"),
  ...occurrence,
});

function table(): MeshHistoryTable {
  return new Table({
    id: (event: MeshEvent) => event.seq,
    groups: { module: (event) => event.module, kind: (event) => event.kind },
  });
}

const record = (kind: MeshEventKind, dispatch: number) =>
  operation(
    dispatch,
    struct<MeshOccurrence>(occurrence),
    (events: MeshHistoryTable, input: MeshOccurrence, { seq }: EventInfo) =>
      events.put({ ...input, seq, kind }),
  );

/** The history of a mesh cache as a model: every occurrence is an event, and none is ever changed. */
export const meshHistoryModel: Model<MeshHistoryTable, MeshHistoryInputs, MeshHistoryQueries> =
  defineModel({
    channel: "gaiaftcl/mesh-history",
    initial: table,
    snapshot: tableCodec((event) => event.seq, u64, eventCodec, table),
    operations: {
      published: record("published", 0x80),
      loaded: record("loaded", 0x81),
      refused: record("refused", 0x82),
    },
    queries: (events) => ({
      list: ({ module, kind, limit } = {}) =>
        events().select({
          groups: [
            ...(module === undefined ? [] : [{ group: "module" as const, anyOf: [module] }]),
            ...(kind === undefined ? [] : [{ group: "kind" as const, anyOf: [kind] }]),
          ],
          descending: true,
          ...(limit === undefined ? {} : { limit }),
        }),
    }),
  });

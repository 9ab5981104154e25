import { CortexError } from "./cortex-error.js";
import { u64 } from "./scalar-codecs.js";
import type { Selection } from "./table-layout.js";

/** The orders a list can be asked for in; upper and lower case are the same. */
export type RecordOrder =
  | "id_asc"
  | "id_desc"
  | "created_asc"
  | "created_desc"
  | "updated_asc"
  | "updated_desc";

/**
 * What the filters of tasks and memories have in common; every condition must hold (CortEX format,
 * section 9.1).
 */
export interface RecordFilter {
  /** Bounds are inclusive, in nanoseconds since 1970 or whatever the writer counts in. */
  readonly createdAfterNs?: bigint | undefined;
  readonly createdBeforeNs?: bigint | undefined;
  readonly updatedAfterNs?: bigint | undefined;
  readonly updatedBeforeNs?: bigint | undefined;
  /** `id_asc` unless given. */
  readonly orderBy?: RecordOrder | undefined;
  /** Applied after the order; 0 gives an empty list. */
  readonly limit?: number | undefined;
}

const orders = ["id_asc", "id_desc", "created_asc", "created_desc", "updated_asc", "updated_desc"];

type Common = Pick<
  Selection<never, never, "created" | "updated">,
  "ranges" | "orderBy" | "descending" | "limit"
>;

/** The part of a selection that the common filters make. @throws CortexError `INVALID_ARGUMENT` */
export function commonSelection(filter: RecordFilter): Common {
  const { orderBy, limit } = filter;
  return {
    ranges: [
      ...range("created", filter.createdAfterNs, filter.createdBeforeNs),
      ...range("updated", filter.updatedAfterNs, filter.updatedBeforeNs),
    ],
    ...(orderBy === undefined ? {} : parseOrder(orderBy)),
    ...(limit === undefined ? {} : { limit: ensureLimit(limit) }),
  };
}

function range(
  order: "created" | "updated",
  min: bigint | undefined,
  max: bigint | undefined,
): NonNullable<Common["ranges"]> {
  if (min === undefined && max === undefined) return [];
  if (min !== undefined) u64.check(min, `${order}AfterNs`);
  if (max !== undefined) u64.check(max, `${order}BeforeNs`);
  return [{ order, min, max }];
}

function parseOrder(text: string): Pick<Common, "orderBy" | "descending"> {
  const word = String(text).toLowerCase();
  if (!orders.includes(word)) {
    throw new CortexError(
      "INVALID_ARGUMENT",
      `invalid order_by ${JSON.stringify(text)} (expected one of ${orders.join("|")})`,
    );
  }
  const [orderBy, direction] = word.split("_") as ["id" | "created" | "updated", string];
  return { orderBy, descending: direction === "desc" };
}

function ensureLimit(limit: number): number {
  if (Number.isInteger(limit) && limit >= 0) return limit;
  throw new CortexError("INVALID_ARGUMENT", `expected a limit of at least 0, found ${limit}`);
}

import type { Codec } from "./codec.js";
import type { Table } from "./table.js";
import type { OrderKey } from "./table-layout.js";

/**
 * A table as a postcard map of id to record (CortEX format, section 10.3), in no particular order.
 * Reading makes a new table.
 */
export function tableCodec<
  Id extends OrderKey,
  R,
  Group extends string,
  Order extends string,
  Text extends string,
>(
  idOf: (record: R) => Id,
  id: Codec<Id>,
  record: Codec<R>,
  make: () => Table<Id, R, Group, Order, Text>,
): Codec<Table<Id, R, Group, Order, Text>> {
  return {
    minimumBytes: 1,
    // What is in a table came out of the codec of an operation.
    check: (table) => table,
    write(writer, table) {
      writer.varint(table.size);
      for (const row of table.all().rows) {
        id.write(writer, row.id);
        record.write(writer, row.record);
      }
    },
    read(reader) {
      const count = reader.count();
      const table = make();
      for (let index = 0; index < count; index += 1) {
        const key = id.read(reader);
        const value = record.read(reader);
        if (idOf(value) !== key) {
          throw reader.failure(`expected the record of id ${key}, found one of id ${idOf(value)}`);
        }
        table.put(value);
      }
      return table;
    },
  };
}

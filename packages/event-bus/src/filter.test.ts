import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventBus } from "./event-bus.js";
import { EventBusError } from "./event-bus-error.js";
import { Filter, type FilterInput } from "./filter.js";
import { vectors } from "./vectors.testing.js";

const { events } = vectors.filters;
const any = '{"$not":{"$or":[]}}';

describe("filters", () => {
  it("select from the captured events what the reference selects, or are refused as it refuses", () => {
    for (const { filter, matches, message } of vectors.filters.vectors) {
      if (matches === undefined) {
        expect(() => Filter.parse(filter), filter).toThrow(EventBusError);
        expect(() => Filter.parse(filter), filter).toThrow(message);
        continue;
      }
      const compiled = Filter.parse(filter);
      const selected = events.flatMap((raw, i) => (compiled.matches(raw) ? [i] : []));
      expect([filter, selected]).toEqual([filter, matches]);
    }
  });

  it("select the same when they search a store's bytes", async () => {
    const bus = new EventBus({ numShards: 1 });
    for (const raw of events) bus.ingestRaw(raw);
    for (const { filter, matches } of vectors.filters.vectors) {
      if (matches === undefined) continue;
      const { events: polled } = await bus.poll({ limit: 100, filter });
      expect([filter, polled.map(({ id }) => Number(id) - 1)]).toEqual([filter, matches]);
    }
  });

  it("match only events that can be read completely, even when they negate", () => {
    for (const { ingested, filtered } of vectors.raw_acceptance.vectors) {
      expect([ingested, Filter.parse(any).matches(ingested)]).toEqual([
        ingested,
        filtered && ingested !== '1,"x":5',
      ]);
    }
    const nested = (depth: number): string => `${"[".repeat(depth)}1${"]".repeat(depth)}`;
    const { filtered_event_max: deepest } = vectors.json_depth;
    expect(Filter.parse(any).matches(nested(deepest))).toBe(true);
    expect(Filter.parse(any).matches(nested(deepest + 1))).toBe(false);
  });

  it("may be nested 127 levels", () => {
    const nested = (depth: number): string =>
      `${'{"$not":'.repeat(depth - 1)}{"path":"a","value":1}${"}".repeat(depth - 1)}`;
    expect(() => Filter.parse(nested(vectors.json_depth.filter_max))).not.toThrow();
    expect(() => Filter.parse(nested(vectors.json_depth.filter_max + 1))).toThrow(
      /recursion limit exceeded at line 1 column/,
    );
  });

  // Seen on the running reference.
  const observed: readonly (readonly [string, readonly string[] | string])[] = [
    ['{"$and":[{"path":"token","value":"hello"}],"$and":[]}', "did not match any variant"],
    ['{"path":"token","value":"hello","value":"world"}', "did not match any variant"],
    ['{"$eq":{"path":"token","path":"token","value":"hello"}}', "did not match any variant"],
    ['{"$and":[["token","hello"]]}', "did not match any variant"],
    ['{"$not":["token","hello"]}', "did not match any variant"],
    ['{"$eq":["token","hello","x"]}', "did not match any variant"],
    ['{"$eq":["token"]}', "did not match any variant"],
    ['{"PATH":"token","value":"hello"}', "did not match any variant"],
    ["[]x", "did not match any variant"],
    ['{"path":"v","value":1e400}', "number out of range at line 1 column 25"],
    ['{"path":"v","value":"\\ud800"}', "unexpected end of hex escape at line 1 column 28"],
    ["tru", "EOF while parsing a value at line 1 column 3"],
    ['{"path":"a","value":01}', "invalid number at line 1 column 22"],
    ['{"path":"a" "value":1}', "expected `,` or `}` at line 1 column 13"],
    ['{"path":"a","value":1,}', "trailing comma at line 1 column 23"],
    ['\n\n{"a":}', "expected value at line 3 column 6"],
    ['"\\x"', "invalid escape at line 1 column 3"],
    ["1e", "EOF while parsing a value at line 1 column 2"],
    ["-", "EOF while parsing a value at line 1 column 1"],
    ["[1", "EOF while parsing a list at line 1 column 2"],
    ['{"a', "EOF while parsing a string at line 1 column 3"],
    ['{"a"}', "expected `:` at line 1 column 5"],
    ["[1,]", "trailing comma at line 1 column 4"],
    [
      '"a\nb"',
      "control character (\\u0000-\\u001F) found while parsing a string at line 2 column 0",
    ],
    ['{"path":"v","value":0.1}', ['{"v":0.1}', '{"v":1e-1}']],
    ['{"path":"v","value":9007199254740992.0}', []],
    ['{"path":"v","value":-9223372036854775808}', ['{"v":-9223372036854775808}']],
    ['{"path":"v","value":-9223372036854775809}', ['{"v":-9223372036854775809}']],
    ['{"path":"v","value":-9223372036854775808.0}', ['{"v":-9223372036854775809}']],
    [
      '{"path":"v","value":18446744073709551616}',
      ['{"v":18446744073709551616}', '{"v":18446744073709551616.0}'],
    ],
    ['{"path":"v","value":[1,{"a":1.0}]}', ['{"v":[1,{"a":1.0}]}']],
    ['{"path":"v","value":[1,{"a":1}]}', []],
    ['{"path":"v.1.a","value":1.0}', ['{"v":[1,{"a":1.0}]}']],
    ['{"path":"a.b","value":1}', []],
    ['{"path":"a","value":{"c":2}}', ['{"a":{"b":1},"a":{"c":2}}']],
    ['{"path":"v","value":"😀"}', ['{"v":"\\ud83d\\ude00"}']],
    ['{"path":"v","value":1234.56789123456789}', ['{"v":123456789.123456789e-5}']],
    ['{"$not":{"path":"v"},"$eq":["token","hello"]}', ['{"token":"hello","index":1}']],
    ['{"$and":[{"path":"v"}],"$eq":["token","hello"]}', ['{"token":"hello","index":1}']],
    ['{"p\\u0061th":"token","value":"hel\\u006co"}', ['{"token":"hello","index":1}']],
  ];
  const stored = [
    '{"token":"hello","index":1}',
    '{"token":"world"}',
    '["token","hello"]',
    '{"v":0.1}',
    '{"v":1e-1}',
    '{"v":9007199254740993.0}',
    '{"v":-9223372036854775808}',
    '{"v":-9223372036854775809}',
    '{"v":18446744073709551616}',
    '{"v":18446744073709551616.0}',
    '{"v":[1,{"a":1.0}]}',
    '{"v":1e400}',
    '{"a":{"b":1},"a":{"c":2}}',
    '{"v":"\\ud83d\\ude00"}',
    '{"v":123456789.123456789e-5}',
  ];

  it("read numbers, escapes and malformed texts as the running reference does", () => {
    for (const [text, wanted] of observed) {
      if (typeof wanted === "string") expect(() => Filter.parse(text), text).toThrow(wanted);
      else {
        const filter = Filter.parse(text);
        expect([text, stored.filter((raw) => filter.matches(raw))]).toEqual([text, wanted]);
      }
    }
  });

  it("may be written as values, with bigints", () => {
    const filter = Filter.parse({
      $and: [{ $not: { path: "a", value: 2 } }, { $eq: ["n", 18446744073709551615n] }],
    });
    expect(filter.matches('{"n":18446744073709551615}')).toBe(true);
    expect(filter.matches('{"n":18446744073709551615,"a":2}')).toBe(false);
    expect(filter.matches('{"n":18446744073709551614}')).toBe(false);
    expect(Filter.parse({ path: "x", value: -0 }).matches('{"x":0.0}')).toBe(true);
    expect(() => Filter.parse({ path: "x", value: Number.NaN })).toThrow(EventBusError);
    expect(() => Filter.parse({ path: "x" } as unknown as FilterInput)).toThrow(EventBusError);
  });

  it("rule out by bytes only what does not match", async () => {
    const leaf = fc.constantFrom<string>(
      "1",
      "1.0",
      "10",
      '"a"',
      '"\\u0061"',
      '"b\\n"',
      '"é"',
      "true",
      "null",
      '["a",1]',
      '{"a":1}',
    );
    const key = fc.constantFrom("a", "b", "a\n", "0", "", "é");
    const equal = fc
      .tuple(fc.array(key, { maxLength: 2 }), leaf)
      .map(([path, value]) => `{"path":${JSON.stringify(path.join("."))},"value":${value}}`);
    const { filter } = fc.letrec<{ filter: string }>((tie) => ({
      filter: fc.oneof(
        { maxDepth: 3 },
        equal,
        fc.array(tie("filter"), { maxLength: 3 }).map((terms) => `{"$and":[${terms.join(",")}]}`),
        fc.array(tie("filter"), { maxLength: 3 }).map((terms) => `{"$or":[${terms.join(",")}]}`),
        tie("filter").map((term) => `{"$not":${term}}`),
      ),
    }));
    const event = fc.oneof(
      leaf,
      fc.array(leaf, { maxLength: 3 }).map((items) => `[${items.join(",")}]`),
      fc
        .array(
          fc.tuple(
            fc.oneof(
              key.map((k) => JSON.stringify(k)),
              fc.constant('"\\u0061"'),
            ),
            leaf,
          ),
          { maxLength: 3 },
        )
        .map((members) => `{${members.map(([k, v]) => `${k}:${v}`).join(",")}}`),
    );
    await fc.assert(
      fc.asyncProperty(filter, fc.array(event, { maxLength: 12 }), async (text, raws) => {
        const compiled = Filter.parse(text);
        // The same filter, negated twice and joined to what holds always, has nothing to rule out.
        const plain = Filter.parse(`{"$or":[{"$not":{"$not":${text}}},{"$not":${any}}]}`);
        const wanted = raws.filter((raw) => plain.matches(raw));
        expect(raws.filter((raw) => compiled.matches(raw))).toEqual(wanted);
        const bus = new EventBus({ numShards: 1 });
        bus.ingestRawBatch(raws);
        const { events: polled } = await bus.poll({ limit: 1_000, filter: text });
        expect(polled.map(({ raw }) => raw)).toEqual(wanted);
      }),
      { numRuns: 1_000 },
    );
  });

  it("agree with JSON.parse on whatever it reads the same", () => {
    fc.assert(
      fc.property(fc.json({ noUnicodeString: false }), fc.string(), (json, path) => {
        const key = path.replaceAll(".", "").toWellFormed();
        const raw = `{${JSON.stringify(key)}:${json.toWellFormed()}}`;
        const filter = `{"path":${JSON.stringify(key)},"value":${json.toWellFormed()}}`;
        if (key !== "") expect(Filter.parse(filter).matches(raw)).toBe(true);
      }),
    );
  });

  it("of any text are either read or refused", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          Filter.parse(text);
        } catch (error) {
          expect(error).toMatchObject({ code: "INVALID_FILTER" });
        }
      }),
    );
  });
});

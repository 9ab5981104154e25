import { CanonicalJsonError, type EncodeErrorCode } from "./canonical-json-error.js";

/** An array or object on the way to a refused value, and the key that leads on from it. */
interface Step {
  readonly container: object;
  readonly key: string | number;
}

/**
 * What is thrown inside while a value is being written. Each array and object it passes on its way
 * out adds one step, so that nobody keeps a path for the many values that are never refused.
 */
export class Refusal extends Error {
  readonly code: EncodeErrorCode;
  readonly value: unknown;
  /** From the inside out. */
  readonly #steps: Step[] = [];

  constructor(code: EncodeErrorCode, value: unknown, cause?: unknown) {
    super(code, cause === undefined ? undefined : { cause });
    this.code = code;
    this.value = value;
  }

  within(container: object, key: string | number): this {
    this.#steps.push({ container, key });
    return this;
  }

  toError(): CanonicalJsonError {
    const steps = this.#steps.toReversed();
    if (this.code === "TOO_DEEP") {
      const length = firstRepetition([...steps.map((step) => step.container), this.value]);
      if (length !== -1) return describe("CYCLE", steps.slice(0, length), this.value);
    }
    return describe(this.code, steps, this.value, this.cause);
  }
}

/** The first index at which a value stands that stood before; -1 for none. */
function firstRepetition(chain: readonly unknown[]): number {
  return chain.findIndex((value, index) => chain.indexOf(value) !== index);
}

const EXPECTATIONS: Readonly<Record<EncodeErrorCode, readonly [expected: string, advice: string]>> =
  {
    UNDEFINED: ["a JSON value", "leave the element out or use null"],
    FUNCTION: ["a JSON value", "encode what the function returns"],
    SYMBOL: ["a JSON value", "use its description"],
    NOT_FINITE: ["a finite number", "use null, or text"],
    UNPAIRED_SURROGATE: ["well-formed text", "mend it, for example with toWellFormed()"],
    CYCLE: ["a value that does not contain itself", "refer to the ancestor by a name"],
    NOT_PLAIN: ["an array or a plain object", "copy its fields into one"],
    TOO_DEEP: ["at most 64 levels of arrays and objects", "flatten the value"],
    TOO_LARGE: ["a value that fits into one text", "encode its parts one by one"],
    UNREADABLE: ["a value that can be read", "see the cause"],
    KEY_NOT_PORTABLE: ["a key of A-Z a-z 0-9 _ . : / @ + -", "rename it, or use encode"],
    KEY_ORDER_NOT_PORTABLE: [
      "keys that every encoder sorts alike",
      "rename it so that neither case nor a run of digits decides the order",
    ],
    NUMBER_NOT_PORTABLE: [
      "an integer between -(2^53 - 1) and 2^53 - 1",
      "write fractions and larger numbers as decimal text",
    ],
  };

function describe(
  code: EncodeErrorCode,
  steps: readonly Step[],
  value: unknown,
  cause?: unknown,
): CanonicalJsonError {
  const path = steps.map((step) => `/${pointerToken(step.key)}`).join("");
  const where = path === "" ? "as the whole value" : `at ${path}`;
  const [expected, advice] = EXPECTATIONS[code];
  const found = code === "UNREADABLE" ? "a getter or proxy that throws" : nameOf(value);
  return new CanonicalJsonError(
    code,
    `expected ${expected}, found ${found} ${where}; ${advice}`,
    cause === undefined ? { path } : { path, cause },
  );
}

/** RFC 6901, section 3. */
function pointerToken(key: string | number): string {
  return String(key).replaceAll("~", "~0").replaceAll("/", "~1");
}

function nameOf(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value.length > 40
        ? `text of ${value.length} UTF-16 units`
        : `the text ${JSON.stringify(value)}`;
    case "number":
    case "bigint":
      return `the number ${String(value).slice(0, 40)}`;
    case "object":
      return nameOfObject(value);
    case "function":
      return "a function";
    case "symbol":
      return "a symbol";
    default:
      return String(value);
  }
}

/** Whatever refused object this is, naming it must not fail: a proxy may throw from anywhere. */
function nameOfObject(value: object | null): string {
  if (value === null) return "null";
  try {
    if (Array.isArray(value)) return "an array";
    const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
    if (typeof name === "string" && name !== "") return `an object of class ${name}`;
  } catch {
    return "an object that cannot be read";
  }
  return "an object";
}

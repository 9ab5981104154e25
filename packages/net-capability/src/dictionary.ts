import { NetCapabilityError } from "./net-capability-error.js";

/** A dictionary of the reference: own properties count, `null` and `undefined` are absent. */
export type Dictionary = Readonly<Record<string, unknown>>;

const U32_MAX = 0xffff_ffffn;
const I64_MAX = (1n << 63n) - 1n;
const I64_MIN = -(1n << 63n);
export const U64_MAX: bigint = (1n << 64n) - 1n;

export function isDictionary(value: unknown): value is Dictionary {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !ArrayBuffer.isView(value)
  );
}

/** The value of a field, or `undefined` where it is absent. Inherited properties do not count. */
export function field(dictionary: Dictionary, key: string): unknown {
  return Object.hasOwn(dictionary, key) ? (dictionary[key] ?? undefined) : undefined;
}

export function ensureDictionary(value: unknown, argument: string): Dictionary {
  if (isDictionary(value)) return value;
  throw typeProblem(`argument '${argument}': ${notInstance(value, "dict")}`);
}

export function dictionaryField(dictionary: Dictionary, key: string): Dictionary | undefined {
  const value = field(dictionary, key);
  if (value === undefined || isDictionary(value)) return value;
  throw typeProblem(`field "${key}" must be a dict`);
}

export function listField(dictionary: Dictionary, key: string): readonly unknown[] {
  const value = field(dictionary, key);
  if (value === undefined) return [];
  if (Array.isArray(value)) return value;
  throw typeProblem(`field "${key}" must be a list`);
}

export function dictionaryListField(dictionary: Dictionary, key: string): readonly Dictionary[] {
  return listField(dictionary, key).map((item) => {
    if (isDictionary(item)) return item;
    throw typeProblem(`${key} items must be dicts`);
  });
}

export function textField(dictionary: Dictionary, key: string): string | undefined {
  const value = field(dictionary, key);
  return value === undefined ? undefined : ensureText(value, key);
}

export function booleanField(dictionary: Dictionary, key: string): boolean | undefined {
  const value = field(dictionary, key);
  if (value === undefined || typeof value === "boolean") return value;
  throw typeProblem(`${notInstance(value, "bool")} (${key})`);
}

export function u32Field(dictionary: Dictionary, key: string): number | undefined {
  const value = field(dictionary, key);
  return value === undefined ? undefined : ensureU32(value, key);
}

export function u64Field(dictionary: Dictionary, key: string): bigint | undefined {
  const value = field(dictionary, key);
  if (value === undefined) return undefined;
  const integer = ensureInteger(value, key);
  if (integer < 0n) throw rangeProblem("can't convert negative int to unsigned", key, integer);
  if (integer > U64_MAX) throw rangeProblem("int too big to convert", key, integer);
  return integer;
}

/** A list of texts; `undefined` where it is absent. */
export function textsField(dictionary: Dictionary, key: string): readonly string[] | undefined {
  const value = field(dictionary, key);
  return value === undefined ? undefined : ensureTexts(value, key);
}

export function ensureTexts(value: unknown, where: string): readonly string[] {
  if (typeof value === "string") throw typeProblem(`Can't extract \`str\` to \`Vec\` (${where})`);
  if (value instanceof Uint8Array && value.length > 0) {
    throw typeProblem(`'int' object is not an instance of 'str' (${where})`);
  }
  if (!Array.isArray(value)) throw typeProblem(`${notInstance(value, "Sequence")} (${where})`);
  return value.map((item) => ensureText(item, where));
}

export function ensureText(value: unknown, where: string): string {
  if (typeof value !== "string") throw typeProblem(`${notInstance(value, "str")} (${where})`);
  if (value.isWellFormed()) return value;
  throw new NetCapabilityError(
    "TEXT",
    `expected text that has a UTF-8 form, found a lone surrogate in ${JSON.stringify(value)} (${where})`,
  );
}

/** An integer of 32 bits, with the refusals of the reference. */
export function ensureU32(value: unknown, where: string): number {
  const integer = ensureInteger(value, where);
  if (integer > I64_MAX || integer < I64_MIN) {
    throw rangeProblem("Python int too large to convert to C long", where, integer);
  }
  if (integer < 0n || integer > U32_MAX) {
    throw rangeProblem("out of range integral type conversion attempted", where, integer);
  }
  return Number(integer);
}

/** An argument that is a list of integers of 32 bits. */
export function ensureU32List(value: unknown, argument: string): readonly number[] {
  if (typeof value === "string") {
    throw typeProblem(`argument '${argument}': Can't extract \`str\` to \`Vec\``);
  }
  if (!Array.isArray(value)) {
    throw typeProblem(`argument '${argument}': ${notInstance(value, "Sequence")}`);
  }
  return value.map((item) => {
    if (!isInteger(item)) throw typeProblem(`argument '${argument}': ${notInteger(item)}`);
    return ensureU32(item, argument);
  });
}

function isInteger(value: unknown): boolean {
  return typeof value === "bigint" || typeof value === "boolean" || Number.isInteger(value);
}

function ensureInteger(value: unknown, where: string): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (Number.isInteger(value)) return BigInt(value as number);
  throw typeProblem(`${notInteger(value)} (${where})`);
}

function notInteger(value: unknown): string {
  return `'${typeName(value)}' object cannot be interpreted as an integer`;
}

export function typeProblem(message: string): NetCapabilityError {
  return new NetCapabilityError("TYPE", message);
}

function rangeProblem(message: string, where: string, found: bigint): NetCapabilityError {
  return new NetCapabilityError("RANGE", `${message} (${where}: found ${found})`);
}

/** The reference's sentence about a value of another type. It leaves out "object" after None. */
function notInstance(value: unknown, wanted: string): string {
  const found = value === null || value === undefined ? "'None'" : `'${typeName(value)}' object`;
  return `${found} is not an instance of '${wanted}'`;
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) return "NoneType";
  if (typeof value === "string") return "str";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return "int";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float";
  if (Array.isArray(value)) return "list";
  if (value instanceof Uint8Array) return "bytes";
  return typeof value === "object" ? "dict" : typeof value;
}

import { CanonicalJsonError, type EncodeErrorCode } from "./canonical-json-error.js";
import { findUnsortable, isPortableKey } from "./portable-key.js";

/** A copy of a value that nobody else holds: validated, plain, and without accessors. */
export type Snapshot = null | boolean | number | bigint | string | Snapshot[] | SnapshotObject;
export interface SnapshotObject {
  [key: string]: Snapshot;
}

/** Cell format, section 1: deeper values are refused. A scalar has depth 0, `[]` depth 1. */
export const MAX_ENCODE_DEPTH = 64;

/**
 * Copies a value while validating it. Each property is read exactly once, so that a getter or a
 * proxy cannot show one value to the validation and another to the output.
 */
export function takeSnapshot(value: unknown, portable: boolean): Snapshot {
  return new Copier(portable).copy(value, "", 0);
}

class Copier {
  readonly #portable: boolean;
  readonly #ancestors: object[] = [];
  readonly #keys: (string | number)[] = [];

  constructor(portable: boolean) {
    this.#portable = portable;
  }

  copy(value: unknown, key: string | number, depth: number): Snapshot {
    this.#keys[depth] = key;
    switch (typeof value) {
      case "string":
        if (!value.isWellFormed()) this.#refuse("UNPAIRED_SURROGATE", depth);
        return value;
      case "number":
        if (this.#portable ? !Number.isSafeInteger(value) : !Number.isFinite(value)) {
          this.#refuse(this.#portable ? "NUMBER_NOT_PORTABLE" : "NOT_FINITE", depth);
        }
        return value;
      case "boolean":
        return value;
      case "bigint":
        if (this.#portable && !Number.isSafeInteger(Number(value))) {
          this.#refuse("NUMBER_NOT_PORTABLE", depth);
        }
        return value;
      case "undefined":
        return this.#refuse("UNDEFINED", depth);
      case "function":
        return this.#refuse("FUNCTION", depth);
      case "symbol":
        return this.#refuse("SYMBOL", depth);
      case "object":
        return value === null ? null : this.#copyContainer(value, depth);
    }
  }

  #copyContainer(value: object, depth: number): Snapshot {
    if (this.#ancestors.includes(value)) this.#refuse("CYCLE", depth);
    if (depth === MAX_ENCODE_DEPTH) this.#refuse("TOO_DEEP", depth);
    this.#ancestors.push(value);
    const prototype: unknown = Object.getPrototypeOf(value);
    let copy: Snapshot;
    if (Array.isArray(value)) {
      if (prototype !== Array.prototype) this.#refuse("NOT_PLAIN", depth);
      copy = [];
      const length = value.length;
      for (let index = 0; index < length; index += 1) {
        copy.push(this.copy(value[index], index, depth + 1));
      }
    } else {
      if (prototype !== Object.prototype && prototype !== null) this.#refuse("NOT_PLAIN", depth);
      copy = this.#copyObject(value, depth);
    }
    this.#ancestors.pop();
    return copy;
  }

  #copyObject(value: object, depth: number): Snapshot {
    const shallow: Record<string, unknown> = { ...value };
    if (Object.getOwnPropertySymbols(shallow).length > 0) this.#refuse("SYMBOL", depth);
    const copy: SnapshotObject = {};
    const keys = Object.keys(shallow)
      .filter((key) => shallow[key] !== undefined)
      .sort();
    for (const key of keys) {
      this.#keys[depth + 1] = key;
      if (!key.isWellFormed()) this.#refuse("UNPAIRED_SURROGATE", depth + 1);
      if (this.#portable && !isPortableKey(key)) this.#refuse("KEY_NOT_PORTABLE", depth + 1);
      setOwn(copy, key, this.copy(shallow[key], key, depth + 1));
    }
    if (this.#portable) {
      const key = findUnsortable(keys);
      if (key !== undefined) {
        this.#keys[depth + 1] = key;
        this.#refuse("KEY_ORDER_NOT_PORTABLE", depth + 1);
      }
    }
    return copy;
  }

  #refuse(code: EncodeErrorCode, depth: number): never {
    const path = this.#keys
      .slice(1, depth + 1)
      .map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`)
      .join("");
    throw new CanonicalJsonError(code, `${code} at ${path === "" ? "the whole value" : path}`, {
      path,
    });
  }
}

function setOwn(target: SnapshotObject, key: string, value: Snapshot): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  } else {
    target[key] = value;
  }
}

import { describe, expect, it } from "vitest";
import { preSharedKey } from "./pre-shared-key.js";

const message = (psk: Uint8Array | string): string => {
  try {
    preSharedKey(psk);
    return "";
  } catch (error) {
    return (error as Error).message;
  }
};

describe("the pre-shared key", () => {
  it("is 32 bytes, or 64 digits of either case", () => {
    expect(preSharedKey(`${"Ab".repeat(31)}01`)).toEqual(
      Uint8Array.from([...Array(31).fill(0xab), 1]),
    );
    const given = new Uint8Array(32).fill(7);
    const kept = preSharedKey(given);
    given.fill(0);
    expect(kept[0]).toBe(7);
  });

  it("is refused in the words of the reference", () => {
    expect(message("11")).toMatch(/^PSK must be 32 bytes \(64 hex chars\)/u);
    expect(message(new Uint8Array(31))).toMatch(/^PSK must be 32 bytes \(64 hex chars\)/u);
    expect(message("1".repeat(63))).toBe("invalid PSK hex: Odd number of digits");
    expect(message("z".repeat(64))).toBe("invalid PSK hex: Invalid character 'z' at position 0");
    expect(message(`${"1".repeat(63)}z`)).toBe(
      "invalid PSK hex: Invalid character 'z' at position 63",
    );
    expect(message(`${"1".repeat(62)}é`)).toBe(
      "invalid PSK hex: Invalid character 'Ã' at position 62",
    );
  });
});

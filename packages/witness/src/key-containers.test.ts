import { createPublicKey, generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  generateKeyPair,
  parsePublicKey,
  privateKeyFromPem,
  privateKeyToPem,
  publicKeyToHex,
  publicKeyToPem,
} from "./ed25519.js";
import { decodePkcs8, decodeSpki } from "./key-der.js";
import { decodePem } from "./pem.js";
import { refusalOf } from "./refusal.testing.js";
import { WitnessError } from "./witness-error.js";

const SEED = Uint8Array.from({ length: 32 }, (_, index) => index);
const { publicKey, privateKey } = generateKeyPair(SEED);

describe("key containers", () => {
  it("are read by OpenSSL as the same key", () => {
    const read = createPublicKey(privateKeyToPem(privateKey));
    expect(read.asymmetricKeyType).toBe("ed25519");
    expect(read.export({ format: "pem", type: "spki" })).toBe(publicKeyToPem(publicKey));
  });

  it("are read from OpenSSL, and written back byte for byte", () => {
    const pair = generateKeyPairSync("ed25519", {
      privateKeyEncoding: { format: "pem", type: "pkcs8" },
      publicKeyEncoding: { format: "pem", type: "spki" },
    });
    expect(privateKeyToPem(privateKeyFromPem(pair.privateKey))).toBe(pair.privateKey);
    expect(publicKeyToPem(parsePublicKey(pair.publicKey))).toBe(pair.publicKey);
  });

  it("come back for every seed", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (seed) => {
        const pair = generateKeyPair(seed);
        const again = privateKeyFromPem(privateKeyToPem(pair.privateKey));
        expect(privateKeyToPem(again)).toBe(privateKeyToPem(pair.privateKey));
        expect(parsePublicKey(publicKeyToPem(pair.publicKey)).hex).toBe(pair.publicKey.hex);
      }),
      { numRuns: 20 },
    );
  });

  it("may have Windows line ends, one long line, and white space around them", () => {
    const pem = publicKeyToPem(publicKey);
    for (const text of [pem.replaceAll("\n", "\r\n"), `\n  ${pem}\n\n`, pem.trim()]) {
      expect(publicKeyToHex(parsePublicKey(text))).toBe(publicKey.hex);
    }
  });

  it("refuse another kind of key, and an encrypted one, by name", () => {
    const encoding = { format: "pem", type: "pkcs8" } as const;
    const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export(encoding);
    const x25519 = generateKeyPairSync("x25519").privateKey.export(encoding);
    const locked = generateKeyPairSync("ed25519").privateKey.export({
      ...encoding,
      cipher: "aes-256-cbc",
      passphrase: "secret",
    });
    expect(() => privateKeyFromPem(String(ec))).toThrow(/Ed25519 private key in PKCS#8/);
    expect(() => privateKeyFromPem(String(x25519))).toThrow(/another structure or kind of key/);
    expect(() => privateKeyFromPem(String(locked))).toThrow(
      /ENCRYPTED PRIVATE KEY.*decrypt it first/,
    );
    expect(() => privateKeyFromPem(publicKeyToPem(publicKey))).toThrow(/found "PUBLIC KEY"/);
    expect(() => parsePublicKey(privateKeyToPem(privateKey))).toThrow(/found "PRIVATE KEY"/);
  });

  const pem = publicKeyToPem(publicKey);
  it.each([
    ["nothing", ""],
    ["text before the block", `key:\n${pem}`],
    ["text after the block", `${pem}key`],
    ["two blocks", pem + pem],
    ["a header", pem.replace("-----\n", "-----\nProc-Type: 4,ENCRYPTED\n\n")],
    ["a space in a line", pem.replace("MCow", "MC ow")],
    ["no line end after BEGIN", pem.replace("-----\n", "-----")],
    ["another END", pem.replace("END PUBLIC", "END PRIVATE")],
    ["no content", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"],
    ["more than any key needs", `${pem}${" ".repeat(5000)}`],
    ["a lone BEGIN", "-----BEGIN PUBLIC KEY-----"],
  ])("refuse %s", (_, text) => {
    expect(refusalOf(() => decodePublic(text))).toBe("PEM");
  });

  it("never show a private key in a message", () => {
    const secret = privateKeyToPem(privateKey);
    const content = secret.split("\n")[1] ?? "";
    for (const broken of [
      secret.replace("-----BEGIN", "----BEGIN"),
      secret.replace(content, `${content}!`),
      secret.replace(content, content.replace("MC4C", "MC4D")),
      secret.replace(content, content.slice(4)),
      content,
    ]) {
      const error = errorOf(() => privateKeyFromPem(broken));
      expect(error.code).toBe("PEM");
      expect(`${error.stack}${JSON.stringify(error)}${String(error.cause)}`).not.toContain(
        content.slice(24, 40),
      );
    }
    expect(`${privateKey}${JSON.stringify(privateKey)}`).toBe('PrivateKey"PrivateKey"');
  });

  it("are exactly one DER structure: a change to any byte before the key is refused", () => {
    const pkcs8 = decodePem("PRIVATE KEY", privateKeyToPem(privateKey));
    const spki = decodePem("PUBLIC KEY", publicKeyToPem(publicKey));
    fc.assert(
      fc.property(fc.nat(15), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        expect(refusalOf(() => decodePkcs8(pkcs8.map((b, i) => (i === at ? b ^ flip : b))))).toBe(
          "PEM",
        );
        expect(
          refusalOf(() => decodeSpki(spki.map((b, i) => (i === at % 12 ? b ^ flip : b)))),
        ).toBe("PEM");
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(refusalOf(() => decodePkcs8(bytes))).toBe("PEM");
        expect(refusalOf(() => decodeSpki(bytes))).toBe("PEM");
      }),
    );
  });

  it("make every text either a key or a refusal", () => {
    const piece = fc.constantFrom(
      "-----BEGIN ",
      "PUBLIC KEY",
      "-----",
      "-----END ",
      "\n",
      "\r\n",
      "AAAA",
      "=",
      " ",
    );
    const assembled = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(fc.oneof(assembled, fc.string({ unit: "binary" })), (text) => {
        expect(["PEM", "PUBLIC_KEY", "HEX", "BASE64"]).toContain(
          refusalOf(() => parsePublicKey(text)),
        );
        expect(refusalOf(() => privateKeyFromPem(text))).toBe("PEM");
      }),
    );
  });
});

function decodePublic(text: string): Uint8Array {
  return decodeSpki(decodePem("PUBLIC KEY", text));
}

function errorOf(run: () => unknown): WitnessError {
  try {
    run();
  } catch (error) {
    if (error instanceof WitnessError) return error;
    throw error;
  }
  throw new RangeError("nothing was refused");
}

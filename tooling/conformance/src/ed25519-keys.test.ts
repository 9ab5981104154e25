import {
  encodeHex,
  parsePublicKey,
  privateKeyFromPem,
  privateKeyToPem,
  publicKeyOf,
  publicKeyToPem,
} from "@gaiaftcl/witness/ed25519";
import { describe, expect, it } from "vitest";
import { ed25519Cases, suiteFile } from "./ed25519-cases.ts";

const privatePem = suiteFile("djb/ed25519-pkcs8.pem").toString("ascii");
const publicPem = suiteFile("djb/ed25519-pub.pem").toString("ascii");
const unusedBits = suiteFile("djb/ed25519-pub-non-zero-unused-bits.der");

describe("the key files of cryptography_vectors", () => {
  it("are read as the first key of RFC 8032 and written back byte for byte", () => {
    const [first] = ed25519Cases().verdicts.rfc8032;
    const privateKey = privateKeyFromPem(privatePem);
    expect(publicKeyOf(privateKey).hex).toBe(first?.publicKey);
    expect(parsePublicKey(publicPem).hex).toBe(first?.publicKey);
    expect(privateKeyToPem(privateKey)).toBe(privatePem);
    expect(publicKeyToPem(parsePublicKey(publicPem))).toBe(publicPem);
  });

  it("are refused when the bit string has unused bits", () => {
    expect(unusedBits).toHaveLength(44);
    const pem = `-----BEGIN PUBLIC KEY-----\n${unusedBits.toString("base64")}\n-----END PUBLIC KEY-----\n`;
    expect(() => parsePublicKey(pem)).toThrow(/another structure or kind of key at byte 11/);
  });

  it("agree with the keys of Wycheproof in every form it gives", () => {
    interface Group {
      readonly publicKey: { readonly pk: string };
      readonly publicKeyPem: string;
      readonly publicKeyDer: string;
    }
    const text = suiteFile("wycheproof/ed25519_test.json").toString("utf8");
    for (const group of (JSON.parse(text) as { testGroups: Group[] }).testGroups) {
      const key = parsePublicKey(group.publicKeyPem);
      expect(key.hex).toBe(group.publicKey.pk);
      expect(publicKeyToPem(key)).toBe(group.publicKeyPem);
      const der = Buffer.from(publicKeyToPem(key).split("\n")[1] ?? "", "base64");
      expect(encodeHex(der)).toBe(group.publicKeyDer);
    }
  });
});

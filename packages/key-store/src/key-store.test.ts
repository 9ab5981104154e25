import { execFileSync } from "node:child_process";
import { chmod, mkdtemp, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  generateKeyPair,
  isSamePublicKey,
  privateKeyToPem,
  publicKeyOf,
} from "@gaiaftcl/witness/ed25519";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { KeyStore, KeyStoreError, type KeyStoreErrorCode } from "./index.js";

let directory: string;
let store: KeyStore;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "key-store-"));
  store = new KeyStore(join(directory, "keys"));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

function code(expected: KeyStoreErrorCode) {
  return expect.objectContaining({ name: "KeyStoreError", code: expected });
}

describe("a key store", () => {
  it("gives back the key it made, which only the owner can read", async () => {
    const pair = await store.generate("cell_id");
    expect(isSamePublicKey(publicKeyOf(await store.load("cell_id")), pair.publicKey)).toBe(true);
    expect((await stat(store.directory)).mode & 0o777).toBe(0o700);
    expect((await stat(store.pathOf("cell_id"))).mode & 0o777).toBe(0o600);
  });

  it("never replaces a key", async () => {
    await store.generate("cell_id");
    const before = await readFile(store.pathOf("cell_id"));
    await expect(store.generate("cell_id")).rejects.toEqual(code("EXISTS"));
    expect(await readFile(store.pathOf("cell_id"))).toEqual(before);
  });

  it("lists its keys by context and passes over other files", async () => {
    await store.generate("tau_block");
    const operator = await store.generate("night-shift");
    await writeFile(join(store.directory, "notes.txt"), "x");
    const entries = await store.list();
    expect(entries.map((entry) => entry.context)).toEqual(["night-shift", "tau_block"]);
    expect(entries[0]?.publicKey).toEqual(operator.publicKey);
  });

  it("is empty before the first key", async () => {
    expect(await store.list()).toEqual([]);
    await expect(store.load("cell_id")).rejects.toEqual(code("NOT_FOUND"));
  });

  it.each(["", "..", "a/b", "../x", ".hidden", "a\\b", "a b", "x".repeat(65), "é"])(
    "refuses the context %j",
    async (context) => {
      await expect(store.generate(context)).rejects.toEqual(code("CONTEXT"));
      await expect(store.load(context)).rejects.toEqual(code("CONTEXT"));
    },
  );

  it.each([0o640, 0o604, 0o644, 0o666])("refuses a key of mode %o", async (mode) => {
    await store.generate("cell_id");
    await chmod(store.pathOf("cell_id"), mode);
    await expect(store.load("cell_id")).rejects.toEqual(code("PERMISSIONS"));
    await expect(store.list()).rejects.toEqual(code("PERMISSIONS"));
  });

  it("refuses a directory that others may enter, for reading and for making keys", async () => {
    await store.generate("cell_id");
    await chmod(store.directory, 0o750);
    await expect(store.load("cell_id")).rejects.toEqual(code("PERMISSIONS"));
    await expect(store.generate("domain_id")).rejects.toEqual(code("PERMISSIONS"));
  });

  it("refuses a key or a directory that is a symbolic link", async () => {
    await store.generate("cell_id");
    await rename(store.pathOf("cell_id"), join(directory, "elsewhere.pem"));
    await symlink(join(directory, "elsewhere.pem"), store.pathOf("cell_id"));
    await expect(store.load("cell_id")).rejects.toEqual(code("PERMISSIONS"));
    await rename(store.directory, join(directory, "moved"));
    await symlink(join(directory, "moved"), store.directory);
    await expect(store.load("cell_id")).rejects.toEqual(code("PERMISSIONS"));
  });

  it("refuses a file that is not a key", async () => {
    const pem = privateKeyToPem(generateKeyPair().privateKey);
    await store.generate("cell_id");
    for (const text of ["", pem.slice(0, 40), pem.replace("PRIVATE", "PUBLIC"), "x".repeat(5000)]) {
      await writeFile(store.pathOf("cell_id"), text);
      await expect(store.load("cell_id")).rejects.toEqual(code("FORMAT"));
    }
  });

  it("refuses a pipe in the place of a key, and does not wait for what comes out of it", async () => {
    await store.generate("cell_id");
    await rm(store.pathOf("cell_id"));
    execFileSync("/usr/bin/mkfifo", ["-m", "600", store.pathOf("cell_id")]);
    await expect(store.load("cell_id")).rejects.toEqual(code("PERMISSIONS"));
  });

  it("names the path in its errors", async () => {
    const error = await store.load("cell_id").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(KeyStoreError);
    expect((error as KeyStoreError).message).toContain(store.directory);
  });
});

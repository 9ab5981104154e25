import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONTEXTS } from "@gaiaftcl/witness";
import { generateKeyPair } from "@gaiaftcl/witness/ed25519";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadFederationKeysFile, writeFederationKeysFile } from "./index.js";

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "federation-keys-"));
  path = join(directory, "federation_keys.toml");
});

afterEach(() => rm(directory, { recursive: true, force: true }));

describe("a federation keys file", () => {
  it("gives back the five keys written to it", async () => {
    const keys = CONTEXTS.map((context) => [context, generateKeyPair().publicKey] as const);
    await writeFederationKeysFile(path, keys);
    expect((await loadFederationKeysFile(path))?.keys).toEqual(new Map(keys));
  });

  it("is never overwritten", async () => {
    await writeFile(path, "mine");
    await expect(writeFederationKeysFile(path, [])).rejects.toMatchObject({ code: "EXISTS" });
  });

  it("is absent only where there is no file; one that cannot be used is an error", async () => {
    expect(await loadFederationKeysFile(path)).toBeUndefined();
    for (const text of ["", "[public_keys]\n", "not toml ="]) {
      await writeFile(path, text);
      await expect(loadFederationKeysFile(path)).rejects.toMatchObject({ code: "FORMAT" });
    }
    await rm(path);
    await mkdir(path);
    await expect(loadFederationKeysFile(path)).rejects.toMatchObject({ code: "IO" });
    await rm(path, { recursive: true });
    await symlink(join(directory, "gone.toml"), path);
    await expect(loadFederationKeysFile(path)).rejects.toMatchObject({ code: "IO" });
  });
});

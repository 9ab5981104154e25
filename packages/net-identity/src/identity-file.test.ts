import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadIdentity, saveIdentity } from "./identity-file.js";
import { identityOf } from "./vectors.testing.js";

let directory = "";
let path = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "identity-"));
  path = join(directory, "node.seed");
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe("an identity file", () => {
  it("holds the seed, readable by the user alone, and nothing is left beside it", async () => {
    await saveIdentity(path, identityOf(7));
    expect(await readFile(path)).toEqual(Buffer.alloc(32, 7));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(directory)).toEqual(["node.seed"]);
    expect((await loadIdentity(path)).nodeId).toBe(identityOf(7).nodeId);
  });

  it("is not replaced unless that is asked for", async () => {
    await saveIdentity(path, identityOf(7));
    await expect(saveIdentity(path, identityOf(8))).rejects.toMatchObject({ code: "EXISTS" });
    expect((await loadIdentity(path)).nodeId).toBe(identityOf(7).nodeId);
    expect(await readdir(directory)).toEqual(["node.seed"]);
    await saveIdentity(path, identityOf(8), { overwrite: true });
    expect((await loadIdentity(path)).nodeId).toBe(identityOf(8).nodeId);
    expect(await readdir(directory)).toEqual(["node.seed"]);
  });

  it("is written once when two write it at the same time", async () => {
    const saved = await Promise.allSettled([1, 2, 3].map((n) => saveIdentity(path, identityOf(n))));
    expect(saved.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect((await loadIdentity(path)).seed()).toHaveLength(32);
    expect(await readdir(directory)).toEqual(["node.seed"]);
  });

  it("is refused when others can read or write it", async () => {
    await saveIdentity(path, identityOf(7));
    for (const mode of [0o640, 0o604, 0o620, 0o602, 0o601]) {
      await chmod(path, mode);
      const refused = loadIdentity(path);
      await expect(refused).rejects.toMatchObject({ code: "PERMISSIONS" });
      await expect(refused).rejects.toThrow(`chmod 600 ${path}`);
    }
    await chmod(path, 0o400);
    expect((await loadIdentity(path)).nodeId).toBe(identityOf(7).nodeId);
  });

  it("is refused when it is a symbolic link or no file", async () => {
    await saveIdentity(path, identityOf(7));
    const link = join(directory, "link");
    await symlink(path, link);
    await expect(loadIdentity(link)).rejects.toMatchObject({ code: "PERMISSIONS" });
    await mkdir(join(directory, "deep"));
    await expect(loadIdentity(join(directory, "deep"))).rejects.toMatchObject({
      code: "PERMISSIONS",
    });
  });

  it.each([0, 31, 33, 1_000])("of %i bytes is refused", async (length) => {
    await writeFile(path, new Uint8Array(length), { mode: 0o600 });
    await expect(loadIdentity(path)).rejects.toMatchObject({ code: "FILE_FORMAT" });
  });

  it("that is missing is NOT_FOUND, and one that cannot be written is IO", async () => {
    await expect(loadIdentity(path)).rejects.toMatchObject({ code: "NOT_FOUND" });
    const nowhere = join(directory, "none", "node.seed");
    await expect(saveIdentity(nowhere, identityOf(1))).rejects.toMatchObject({ code: "IO" });
  });
});

import { writeFileSync } from "node:fs";
import { mkdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MeshLoaderOptions } from "./index.js";
import { refusal, TestMesh, trustedKeys } from "./mesh.testing.js";
import { meshLoader } from "./native.testing.js";

const VERSION_1 = { "index.js": "export const version = 1;" };
const VERSION_2 = { "index.js": "export const version = 2;" };
const EARLY = "2026-06-01T12:00:00Z";
const LATE = "2026-06-01T12:00:01Z";
const clock = (): Date => new Date("2026-06-01T12:10:00Z");

let mesh: TestMesh;
let tests = 0;
let name = "";
beforeEach(async () => {
  tests += 1;
  name = `t.fresh.m${tests}`;
  mesh = await TestMesh.create();
});
afterEach(async () => {
  await mesh[Symbol.asyncDispose]();
});

const load = (options: MeshLoaderOptions = {}): Promise<unknown> =>
  meshLoader.loadFromMesh(name, { ...mesh.options, clock, ...options });

describe("the record of accepted versions", () => {
  it("refuses a version that is older than one accepted before, in whatever process", async () => {
    await mesh.publish(name, VERSION_1, { at: EARLY });
    expect(await load()).toMatchObject({ version: 1 });
    await mesh.publish(name, VERSION_2, { at: LATE });
    expect(await load()).toMatchObject({ version: 2 });
    await mesh.publish(name, VERSION_1, { at: EARLY });
    await expect(load()).rejects.toMatchObject(refusal("ROLLBACK"));
    expect(await load({ allowRollback: true })).toMatchObject({ version: 1 });
    // That it was allowed once does not make it the newest.
    await expect(load()).rejects.toMatchObject(refusal("ROLLBACK"));
  });

  it("refuses another version of the same time, even where old ones are allowed", async () => {
    await mesh.publish(name, VERSION_1, { at: EARLY });
    await load();
    await mesh.publish(name, VERSION_2, { at: EARLY });
    await expect(load()).rejects.toMatchObject(refusal("EQUIVOCATION"));
    await expect(load({ allowRollback: true })).rejects.toMatchObject(refusal("EQUIVOCATION"));
  });

  it("is kept for each module, cell and domain", async () => {
    await mesh.publish(name, VERSION_2, { at: LATE });
    await load();
    for (const as of [{ cellId: "other" }, { domainId: "other" }]) {
      await mesh.publish(name, VERSION_1, { at: EARLY, ...as });
      expect(await load()).toMatchObject({ version: 1 });
    }
    await mesh.publish(name, VERSION_1, { at: EARLY });
    await expect(load()).rejects.toMatchObject(refusal("ROLLBACK"));
  });

  it("lets nothing that nobody signed stand against what the federation signed", async () => {
    await mesh.publish(name, VERSION_2, { at: LATE });
    await load();
    await mesh.publish(name, VERSION_1, { at: EARLY, signed: true });
    expect(await load({ federationPublicKeys: trustedKeys })).toMatchObject({ version: 1 });
    // The other way round: what was signed stands against all.
    await expect(load()).rejects.toMatchObject(refusal("ROLLBACK"));
  });

  it("is not touched by what is refused or only explained", async () => {
    await mesh.publish(name, VERSION_2, { at: LATE });
    await mesh.loader({ clock }).explain(name);
    writeFileSync(mesh.at(name, "artifacts/index.js"), "export const version = 3;");
    await expect(load()).rejects.toMatchObject(refusal("ARTIFACT_MISMATCH"));
    await mesh.publish(name, VERSION_1, { at: EARLY });
    expect(await load()).toMatchObject({ version: 1 });
  });

  it("belongs to the user alone, and stands outside the cache", async () => {
    await mesh.publish(name, VERSION_1, { at: EARLY });
    await load();
    expect((await stat(mesh.trustStore)).mode & 0o777).toBe(0o600);
    expect((await stat(dirname(mesh.trustStore))).mode & 0o777).toBe(0o700);
  });

  it("is required: without it nothing is loaded", async () => {
    await mesh.publish(name, VERSION_1, { at: EARLY });
    await mkdir(dirname(mesh.trustStore), { recursive: true });
    writeFileSync(
      mesh.trustStore,
      "this is no database, and longer than a header of one hundred bytes".repeat(9),
    );
    await expect(load()).rejects.toMatchObject(refusal("TRUST_STORE"));
    await expect(load({ trustStore: mesh.directory })).rejects.toMatchObject(
      refusal("TRUST_STORE"),
    );
    await expect(
      load({
        trustStore: join(
          mesh.at(name, "manifest.json"),
          "..",
          "..",
          "..",
          "sources",
          "1",
          "index.js",
          "x",
        ),
      }),
    ).rejects.toMatchObject(refusal("TRUST_STORE"));
  });

  it("may be kept in memory, for as long as its object lives", async () => {
    const trustStore = new meshLoader.MemoryTrustStore();
    await mesh.publish(name, VERSION_2, { at: LATE });
    await load({ trustStore });
    await mesh.publish(name, VERSION_1, { at: EARLY });
    await expect(load({ trustStore })).rejects.toMatchObject(refusal("ROLLBACK"));
    expect(await load({ trustStore: new meshLoader.MemoryTrustStore() })).toMatchObject({
      version: 1,
    });
    await expect(readFile(mesh.trustStore)).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("the age of a version", () => {
  const at =
    (seconds: number): (() => Date) =>
    () =>
      new Date(Date.parse(EARLY) + seconds * 1000);

  it("is refused more than five minutes in the future", async () => {
    await mesh.publish(name, VERSION_1, { at: EARLY });
    await expect(load({ clock: at(-301) })).rejects.toMatchObject(refusal("FUTURE"));
    expect(await load({ clock: at(-300) })).toMatchObject({ version: 1 });
  });

  it("does not poison the record when it is in the future", async () => {
    await mesh.publish(name, VERSION_2, { at: "2126-01-01T00:00:00Z" });
    await expect(load()).rejects.toMatchObject(refusal("FUTURE"));
    await mesh.publish(name, VERSION_1, { at: EARLY });
    expect(await load()).toMatchObject({ version: 1 });
  });

  it("is refused beyond what the caller accepts", async () => {
    await mesh.publish(name, VERSION_1, { at: EARLY });
    await expect(load({ maxAge: 60, clock: at(61) })).rejects.toMatchObject(refusal("STALE"));
    expect(await load({ maxAge: 60, clock: at(60) })).toMatchObject({ version: 1 });
    expect(await load({ clock: at(10 * 365 * 86_400) })).toMatchObject({ version: 1 });
  });

  it("is reported", async () => {
    await mesh.publish(name, VERSION_1, { at: EARLY });
    expect((await mesh.loader({ clock: at(90.5) }).open(name)).ageSeconds).toBe(90);
    expect((await mesh.loader({ clock: at(-5) }).open(name)).ageSeconds).toBe(0);
  });
});

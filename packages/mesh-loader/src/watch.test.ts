import { rename, rm, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { LoadedModule } from "./index.js";
import { refusal, TestMesh } from "./mesh.testing.js";

const version = (number: number): { "index.js": string } => ({
  "index.js": `export const version = ${number};`,
});
/** Long enough that only events can be what rings. */
const NEVER_MS = 1_000_000_000;

let mesh: TestMesh;
let tests = 0;
let name = "";
beforeEach(async () => {
  tests += 1;
  name = `t.watch.m${tests}`;
  mesh = await TestMesh.create();
});
afterEach(async () => {
  await mesh[Symbol.asyncDispose]();
});

async function versionOf(next: Promise<IteratorResult<LoadedModule, void>>): Promise<unknown> {
  const { value } = await next;
  return value?.module["version"];
}

describe("watching a module", () => {
  it("gives the version that is there when none is loaded, and each new one, by events", async () => {
    await mesh.publish(name, version(1));
    await using watch = mesh.loader().watch(name, { pollIntervalMs: NEVER_MS });
    expect(await versionOf(watch.next())).toBe(1);
    for (const number of [2, 3]) {
      const next = versionOf(watch.next());
      await mesh.publish(name, version(number));
      expect(await next).toBe(number);
    }
  });

  it("gives only new versions when one is loaded", async () => {
    await mesh.publish(name, version(1));
    const loader = mesh.loader();
    await loader.load(name);
    await using watch = loader.watch(name, { pollIntervalMs: NEVER_MS });
    const next = versionOf(watch.next());
    await mesh.publish(name, version(2));
    expect(await next).toBe(2);
    expect(loader.loaded(name)?.module).toMatchObject({ version: 2 });
  });

  it("finds new versions by time alone where there are no events", async () => {
    await using watch = mesh.loader().watch(name, { pollIntervalMs: 10 });
    const next = versionOf(watch.next());
    await mesh.publish(name, version(1));
    expect(await next).toBe(1);
  });

  it("finds new versions by hints, whatever they say, and lets go of them at the end", async () => {
    let hint = (): void => undefined;
    let ended = false;
    const hints: AsyncIterable<unknown> = {
      [Symbol.asyncIterator]: () => ({
        next: () =>
          new Promise((resolve) => {
            hint = () => resolve({ done: false, value: "not believed" });
          }),
        return: async () => {
          ended = true;
          return { done: true, value: undefined };
        },
      }),
    };
    await mesh.publish(name, version(1));
    const watch = mesh.loader().watch(name, { hints, pollIntervalMs: NEVER_MS });
    expect(await versionOf(watch.next())).toBe(1);
    const next = versionOf(watch.next());
    await mesh.publish(name, version(2));
    hint();
    expect(await next).toBe(2);
    await watch.return();
    expect(ended).toBe(true);
  });

  it("leaves out versions that are refused, and tells why once", async () => {
    await mesh.publish(name, version(1));
    const onRefused = vi.fn();
    await using watch = mesh.loader().watch(name, { onRefused, pollIntervalMs: 10 });
    expect(await versionOf(watch.next())).toBe(1);
    const next = versionOf(watch.next());
    // In one step, since half a file would be another refusal.
    await writeFile(mesh.at(name, "next.json"), "{}");
    await rename(mesh.at(name, "next.json"), mesh.at(name, "manifest.json"));
    await vi.waitFor(() => expect(onRefused).toHaveBeenCalledTimes(1), 20_000);
    await mesh.publish(name, version(2));
    expect(await next).toBe(2);
    expect(onRefused).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining(refusal("MANIFEST_INVALID")),
    );
  });

  it("takes a version whose files come after its manifest, once they are all there", async () => {
    await mesh.publish(name, version(1));
    const refused: unknown[] = [];
    await using watch = mesh.loader().watch(name, {
      onRefused: (error) => refused.push(error),
      pollIntervalMs: 10,
    });
    expect(await versionOf(watch.next())).toBe(1);
    const { manifest } = await mesh.sign(name, version(2));
    const next = versionOf(watch.next());
    await writeFile(mesh.at(name, "manifest.json"), manifest.toJson());
    await vi.waitFor(
      () => expect(refused.at(-1)).toMatchObject(refusal("ARTIFACT_MISMATCH")),
      20_000,
    );
    await writeFile(mesh.at(name, "artifacts/index.js"), version(2)["index.js"]);
    expect(await next).toBe(2);
  });

  it("outlives a cache that goes away and comes back", async () => {
    await mesh.publish(name, version(1));
    const codes: unknown[] = [];
    await using watch = mesh.loader().watch(name, {
      onRefused: (error) => codes.push((error as { code: unknown }).code),
      pollIntervalMs: 10,
    });
    expect(await versionOf(watch.next())).toBe(1);
    const next = versionOf(watch.next());
    await rename(mesh.cacheRoot, `${mesh.cacheRoot}-away`);
    await vi.waitFor(() => expect(codes).toContain("CACHE_ROOT"), 20_000);
    await rm(`${mesh.cacheRoot}-away`, { recursive: true });
    await mesh.publish(name, version(2));
    expect(await next).toBe(2);
  });

  it("ends when it is told to, also while a version is awaited, and with the signal", async () => {
    await mesh.publish(name, version(1));
    const loader = mesh.loader();
    await loader.load(name);
    const watch = loader.watch(name, { pollIntervalMs: NEVER_MS });
    const next = watch.next();
    await watch.return();
    expect(await next).toEqual({ done: true, value: undefined });

    const controller = new AbortController();
    const given: unknown[] = [];
    const loop = (async () => {
      for await (const loaded of loader.watch(name, {
        signal: controller.signal,
        pollIntervalMs: NEVER_MS,
      })) {
        given.push(loaded);
      }
    })();
    setImmediate(() => controller.abort());
    await loop;
    expect(given).toEqual([]);
    const never = loader.watch(name, { signal: AbortSignal.abort() });
    expect(await never.next()).toEqual({ done: true, value: undefined });
  });

  it("ends with its loop", async () => {
    await mesh.publish(name, version(1));
    for await (const { module } of mesh.loader().watch(name)) {
      expect(module).toMatchObject({ version: 1 });
      break;
    }
  });
});

import { EventEmitter } from "node:events";
import { join } from "node:path";
import type { WorkerOptions } from "node:worker_threads";
import {
  ManifestSigner as BuiltSigner,
  ManifestVerifier as BuiltVerifier,
} from "@gaiaftcl/manifest";
import { sha256Hex } from "@gaiaftcl/witness";
import { afterEach, describe, expect, it, vi } from "vitest";
import { digestFiles } from "./digest-files.js";
import type { DigestJob, FileDigest } from "./file-digest.js";
import type { HashWorkerData } from "./hash-worker.js";
import { scratchDirectory, writeFiles } from "./vectors.testing.js";

const MEBIBYTE = 1024 * 1024;

/** Enough work that helping threads are called. */
async function manyFiles(directory: string): Promise<{ jobs: DigestJob[]; digests: FileDigest[] }> {
  const contents = Array.from({ length: 80 }, (_, index) => new Uint8Array(MEBIBYTE).fill(index));
  const files = contents.map((bytes, index) => [`f${index}`, bytes] as const);
  await writeFiles(directory, Object.fromEntries(files));
  return {
    jobs: files.map(([name]) => ({ path: join(directory, name) })),
    digests: contents.map((bytes) => ({
      kind: "file",
      bytes: MEBIBYTE,
      sha256: sha256Hex(bytes),
    })),
  };
}

afterEach(() => {
  vi.doUnmock("node:worker_threads");
  vi.resetModules();
});

describe("hashing many files", () => {
  it("gives one digest a job in their order, though no thread could be started", async () => {
    await using scratch = await scratchDirectory();
    const { jobs, digests } = await manyFiles(scratch.path);
    // The sources are not built, so there is no worker beside them.
    expect(await digestFiles(jobs, { threads: 4 })).toEqual(digests);
    expect(await digestFiles(jobs, { threads: 1 })).toEqual(digests);
  });

  it("does again what a thread took and never brought back", async () => {
    class BrokenWorker extends EventEmitter {
      constructor(_: URL, options: WorkerOptions) {
        super();
        const { shared } = options.workerData as HashWorkerData;
        Atomics.add(new Int32Array(shared.counters), 0, 3);
        setImmediate(() => this.emit("error", new Error("out of memory")));
      }
      async terminate(): Promise<number> {
        return 1;
      }
    }
    vi.doMock("node:worker_threads", () => ({ Worker: BrokenWorker }));
    vi.resetModules();
    const { digestFiles: digestWithBroken } = await import("./digest-files.js");
    await using scratch = await scratchDirectory();
    const { jobs, digests } = await manyFiles(scratch.path);
    expect(await digestWithBroken(jobs, { threads: 3 })).toEqual(digests);
  });

  it("does everything here where threads are not allowed", async () => {
    vi.doMock("node:worker_threads", () => ({
      Worker: class {
        constructor() {
          throw new Error("Access to this API has been restricted");
        }
      },
    }));
    vi.resetModules();
    const { digestFiles: digestAlone } = await import("./digest-files.js");
    await using scratch = await scratchDirectory();
    const { jobs, digests } = await manyFiles(scratch.path);
    expect(await digestAlone(jobs, { threads: 3 })).toEqual(digests);
  });

  it("of no job is nothing", async () => {
    expect(await digestFiles([])).toEqual([]);
  });
});

describe("the built package", () => {
  it("hashes with helping threads, and finds what one of them found", async () => {
    await using scratch = await scratchDirectory();
    await manyFiles(scratch.path);
    const identity = { cellId: "cell", domainId: "domain" };
    const manifest = await new BuiltSigner({ ...identity, threads: 4 }).signDirectory(scratch.path);
    const verifier = new BuiltVerifier({ threads: 4 });
    expect((await verifier.verify(manifest, scratch.path, { strict: true })).ok).toBe(true);

    const changed = Object.fromEntries(
      [0, 17, 41, 79].map((index) => [`f${index}`, new Uint8Array(MEBIBYTE).fill(255)]),
    );
    await writeFiles(scratch.path, changed);
    const report = await verifier.verify(manifest, scratch.path);
    expect(report.changed).toHaveLength(4);
    expect(report.bytesRead).toBe(80 * MEBIBYTE);
  });

  it("stops its threads when it is aborted", async () => {
    await using scratch = await scratchDirectory();
    await manyFiles(scratch.path);
    const signer = new BuiltSigner({ cellId: "cell", domainId: "domain", threads: 4 });
    const reason = new Error("enough");
    const controller = new AbortController();
    const signing = signer.signDirectory(scratch.path, {
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    });
    setTimeout(() => controller.abort(reason), 30);
    await expect(signing).rejects.toBe(reason);
  });
});

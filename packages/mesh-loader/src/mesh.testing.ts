import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Manifest } from "@gaiaftcl/manifest";
import type { FederationContext, FederationKeys } from "@gaiaftcl/witness";
import type { KeyPair } from "@gaiaftcl/witness/ed25519";
import type { MeshLoader, MeshLoaderOptions } from "./index.js";
import { ed25519, manifests, meshLoader, witness } from "./native.testing.js";

export type Files = Readonly<Record<string, string | Uint8Array>>;

export interface PublishedAs {
  readonly at?: string;
  readonly cellId?: string;
  readonly domainId?: string;
  /** Cosigned by all five holders. */
  readonly signed?: boolean;
  readonly prefix?: string;
}

const holders: readonly (readonly [FederationContext, KeyPair])[] = witness.CONTEXTS.map(
  (context, index) => [context, ed25519.generateKeyPair(new Uint8Array(32).fill(index + 1))],
);

/** The five holders of the tests. */
export const trustedKeys: FederationKeys = witness.federationKeys(
  holders.map(([context, { publicKey }]) => [context, publicKey]),
);

/** A mesh cache of its own, with its record of accepted versions; removed when the scope ends. */
export class TestMesh implements AsyncDisposable {
  readonly directory: string;
  #published = 0;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(): Promise<TestMesh> {
    return new TestMesh(await mkdtemp(join(tmpdir(), "gaiaftcl-mesh-")));
  }

  get cacheRoot(): string {
    return join(this.directory, "cache");
  }

  get trustStore(): string {
    return join(this.directory, "trust", "trust.sqlite");
  }

  loader(options: MeshLoaderOptions = {}): MeshLoader {
    return new meshLoader.MeshLoader({ ...this.options, ...options });
  }

  get options(): { readonly cacheRoot: string; readonly trustStore: string } {
    return { cacheRoot: this.cacheRoot, trustStore: this.trustStore };
  }

  /** The path of something below the directory of a module in the cache. */
  at(name: string, path = ""): string {
    return join(this.cacheRoot, name, path);
  }

  /** Signs files, one day ago and each time a minute later unless told when. */
  async sign(
    name: string,
    files: Files,
    as: PublishedAs = {},
  ): Promise<{ manifest: Manifest; source: string }> {
    this.#published += 1;
    const source = join(this.directory, "sources", `${this.#published}`);
    await writeFiles(source, files);
    const at = as.at ?? new Date(Date.now() - 86_400_000 + this.#published * 60_000).toISOString();
    const signer = new manifests.ManifestSigner({
      cellId: as.cellId ?? "cell",
      domainId: as.domainId ?? "domain",
      clock: () => new Date(at),
      keys:
        as.signed === true ? holders.map(([context, { privateKey }]) => [context, privateKey]) : [],
    });
    const prefix = as.prefix ?? name.replaceAll(".", "/");
    return { manifest: await signer.signDirectory(source, { prefix }), source };
  }

  /** Publishes files as a module; see {@link TestMesh.sign}. */
  async publish(name: string, files: Files, as: PublishedAs = {}): Promise<Manifest> {
    const { manifest, source } = await this.sign(name, files, as);
    await meshLoader.publish(source, name, {
      cacheRoot: this.cacheRoot,
      manifest,
      allowRollback: true,
    });
    return manifest;
  }

  /** Writes a module into the cache by hand, whatever it is. */
  async place(name: string, manifest: string | Uint8Array, files: Files): Promise<void> {
    await mkdir(this.cacheRoot, { recursive: true, mode: 0o700 });
    await writeFiles(this.at(name, "artifacts"), files);
    await writeFile(this.at(name, "manifest.json"), manifest);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

export async function writeFiles(directory: string, files: Files): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
}

/** What a rejection with a code looks like. */
export function refusal(code: string): { readonly name: string; readonly code: string } {
  return { name: "MeshLoaderError", code };
}

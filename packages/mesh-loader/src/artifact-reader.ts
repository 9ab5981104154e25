import type { Artifact } from "@gaiaftcl/manifest/format";
import { sha256Hex } from "@gaiaftcl/witness";
import type { AnchoredDirectory } from "./anchored-directory.js";
import { codeOf, MeshLoaderError } from "./mesh-loader-error.js";
import type { Pause } from "./pause.js";

/**
 * Reads the files of a manifest below a directory, each once, without following links, and compares
 * them with the manifest. What it returns is what was hashed.
 */
export class ArtifactReader implements Disposable {
  readonly #root: AnchoredDirectory;
  /** The directories on the way to the last file: the next one is mostly in the same. */
  readonly #open: { readonly name: string; readonly directory: AnchoredDirectory }[] = [];

  constructor(root: AnchoredDirectory) {
    this.#root = root;
  }

  /**
   * @param path of the file below the directory, an artifact path
   * @throws MeshLoaderError `ARTIFACT_MISSING`, `ARTIFACT_MISMATCH`, `LINK`, `NOT_A_FILE` or
   *   `UNREADABLE`
   */
  *read(path: string, { bytes, sha256 }: Artifact): Generator<Pause, Uint8Array> {
    const directories = path.split("/");
    const fileName = directories.pop() ?? "";
    const where = `${this.#root.path}/${path}`;
    try {
      const content = yield* this.#enter(directories).file(fileName, (size) => {
        if (size !== bytes) throw mismatch(where, `${bytes} bytes`, `${size}`);
      });
      const found = sha256Hex(content);
      if (found !== sha256) throw mismatch(where, `SHA-256 ${sha256}`, found);
      return content;
    } catch (cause) {
      if (codeOf(cause) !== "ENOENT") throw cause;
      throw new MeshLoaderError("ARTIFACT_MISSING", `there is no ${where}, which was signed`, {
        cause,
      });
    }
  }

  [Symbol.dispose](): void {
    this.#leave(0);
  }

  #enter(directories: readonly string[]): AnchoredDirectory {
    const differs = this.#open.findIndex(({ name }, depth) => name !== directories[depth]);
    this.#leave(Math.min(differs === -1 ? this.#open.length : differs, directories.length));
    for (const name of directories.slice(this.#open.length)) {
      const above = this.#open.at(-1)?.directory ?? this.#root;
      this.#open.push({ name, directory: above.directory(name) });
    }
    return this.#open.at(-1)?.directory ?? this.#root;
  }

  #leave(depth: number): void {
    for (const { directory } of this.#open.splice(depth).reverse()) directory[Symbol.dispose]();
  }
}

function mismatch(where: string, expected: string, found: string): MeshLoaderError {
  return new MeshLoaderError(
    "ARTIFACT_MISMATCH",
    `expected ${where} with ${expected}, found ${found}: this is not the file that was signed; publish the module again`,
  );
}

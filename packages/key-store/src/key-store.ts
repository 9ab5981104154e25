import { constants, type Stats } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { WitnessError } from "@gaiaftcl/witness";
import {
  generateKeyPair,
  type KeyPair,
  type PrivateKey,
  type PublicKey,
  privateKeyFromPem,
  privateKeyToPem,
  publicKeyOf,
} from "@gaiaftcl/witness/ed25519";
import { KeyStoreError } from "./key-store-error.js";
import { ensureOwnerOnly } from "./owner-only.js";

const suffix = ".ed25519.pem";
const contextPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;
const maxPemBytes = 4096;
// Windows has none of these flags.
const noFollow = constants.O_NOFOLLOW ?? 0;
/** A pipe in the place of a key is refused for what it is, and not waited for. */
const noWait = constants.O_NONBLOCK ?? 0;

/** One key of a store. */
export interface KeyEntry {
  readonly context: string;
  readonly path: string;
  readonly publicKey: PublicKey;
}

/**
 * A directory of private keys, `<context>.ed25519.pem`, PKCS#8 (cell format, section 2). A context is a
 * federation context or the name of an operator: 1 to 64 of letters, digits, `_`, `.` and `-`.
 */
export class KeyStore {
  readonly directory: string;

  /** @param directory absolute path; it need not exist until a key is made */
  constructor(directory: string) {
    this.directory = directory;
  }

  /**
   * Where the key of a context stands, whether or not it exists.
   *
   * @throws KeyStoreError `CONTEXT`
   */
  pathOf(context: string): string {
    if (contextPattern.test(context)) return join(this.directory, context + suffix);
    throw new KeyStoreError(
      "CONTEXT",
      `expected 1 to 64 letters, digits, _, . or -, found ${JSON.stringify(context)}`,
    );
  }

  /**
   * Makes a key and writes it, durably, before it returns.
   *
   * @throws KeyStoreError `EXISTS` rather than replace a key, `PERMISSIONS` for an open directory, `IO`
   */
  async generate(context: string): Promise<KeyPair> {
    const pair = generateKeyPair();
    await this.add(context, pair.privateKey);
    return pair;
  }

  /**
   * Writes a key made elsewhere.
   *
   * @throws KeyStoreError as {@link generate}
   */
  async add(context: string, privateKey: PrivateKey): Promise<void> {
    const path = this.pathOf(context);
    await reported(path, () => mkdir(this.directory, { recursive: true, mode: 0o700 }));
    await this.#checkDirectory();
    const { O_WRONLY, O_CREAT, O_EXCL } = constants;
    const file = await reported(path, () => open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600));
    await closing(file, async () => {
      await file.writeFile(privateKeyToPem(privateKey));
      await file.sync();
    });
  }

  /**
   * Reads a key, after checking that nobody else could have.
   *
   * @throws KeyStoreError `NOT_FOUND`, `PERMISSIONS`, `FORMAT` or `IO`
   */
  async load(context: string): Promise<PrivateKey> {
    const path = this.pathOf(context);
    await this.#checkDirectory();
    const file = await reported(path, () => open(path, constants.O_RDONLY | noFollow | noWait));
    return await closing(file, async () => {
      ensureOwnerOnly(path, "file", await file.stat());
      return parse(path, await readAtMost(file, maxPemBytes));
    });
  }

  /**
   * Every key of the directory, by context; none for a directory that does not exist.
   *
   * @throws KeyStoreError as {@link load}, for the first key that cannot be used
   */
  async list(): Promise<readonly KeyEntry[]> {
    const names = await this.#names();
    const contexts = names
      .filter((name) => name.endsWith(suffix))
      .map((name) => name.slice(0, -suffix.length))
      .sort();
    const entries: KeyEntry[] = [];
    for (const context of contexts) {
      const publicKey = publicKeyOf(await this.load(context));
      entries.push({ context, path: this.pathOf(context), publicKey });
    }
    return entries;
  }

  async #names(): Promise<string[]> {
    try {
      return await readdir(this.directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw translate(this.directory, error);
    }
  }

  async #checkDirectory(): Promise<void> {
    const stats: Stats = await reported(this.directory, () => lstat(this.directory));
    ensureOwnerOnly(this.directory, "directory", stats);
  }
}

function parse(path: string, pem: string): PrivateKey {
  try {
    return privateKeyFromPem(pem);
  } catch (cause) {
    if (!(cause instanceof WitnessError)) throw cause;
    throw new KeyStoreError("FORMAT", `${path}: ${cause.message}`, { cause });
  }
}

async function readAtMost(file: FileHandle, limit: number): Promise<string> {
  const buffer = Buffer.alloc(limit);
  const { bytesRead } = await file.read(buffer, 0, limit, 0);
  return buffer.toString("latin1", 0, bytesRead);
}

async function closing<Result>(file: FileHandle, body: () => Promise<Result>): Promise<Result> {
  try {
    return await body();
  } finally {
    await file.close();
  }
}

async function reported<Result>(path: string, action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (error) {
    throw translate(path, error);
  }
}

function translate(path: string, cause: unknown): KeyStoreError {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === "ENOENT") {
    return new KeyStoreError("NOT_FOUND", `${path} does not exist`, { cause });
  }
  if (code === "EEXIST") {
    return new KeyStoreError(
      "EXISTS",
      `${path} exists already and is not overwritten; move it away if it is not needed any more`,
      { cause },
    );
  }
  if (code === "ELOOP") {
    return new KeyStoreError("PERMISSIONS", `${path} is a symbolic link; expected the key itself`, {
      cause,
    });
  }
  return new KeyStoreError("IO", `${path}: ${message}`, { cause });
}

import { randomBytes } from "node:crypto";
import { lstat, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Identity, keyedHash } from "@gaiaftcl/net-identity";
import { loadIdentity, saveIdentity } from "@gaiaftcl/net-identity/files";
import { NetControlError } from "./net-control-error.js";

/** What a node is made of: who it is, its Noise key, and the key of its mesh. */
export interface NodeKeys {
  readonly identity: Identity;
  /** Secret half of the Noise key, 32 bytes; it follows from the identity, so that tickets stay good over restarts. */
  readonly secretKey: Uint8Array;
  /** The pre-shared key of the mesh, 32 bytes. */
  readonly psk: Uint8Array;
}

const IDENTITY_FILE = "identity.seed";
const PSK_FILE = "psk";
const NOISE_LABEL = "gaiaftcl-noise-static-v1";

/**
 * Makes the keys of a node in `directory` (created with mode 0700): a fresh identity, and the
 * pre-shared key, given or fresh.
 *
 * @throws NetControlError `KEYS_EXIST` when there are keys: an identity is never replaced
 */
export async function createNodeKeys(
  directory: string,
  psk: Uint8Array = randomBytes(32),
): Promise<NodeKeys> {
  if (psk.length !== 32) {
    throw new NetControlError(
      "ARGUMENT",
      `PSK must be 32 bytes (64 hex chars), got ${psk.length} bytes`,
    );
  }
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const identity = Identity.generate();
  try {
    await saveIdentity(join(directory, IDENTITY_FILE), identity);
  } catch (cause) {
    throw new NetControlError(
      "KEYS_EXIST",
      `${directory} holds the keys of a node already; it goes on with them`,
      { cause },
    );
  }
  await writeFile(join(directory, PSK_FILE), `${Buffer.from(psk).toString("hex")}\n`, {
    mode: 0o600,
    flag: "w",
  });
  return nodeKeys(identity, psk);
}

/** Loads the keys of the node in `directory`. @throws NetControlError `NO_KEYS`, `KEY_FILE` */
export async function loadNodeKeys(directory: string): Promise<NodeKeys> {
  const pskPath = join(directory, PSK_FILE);
  const text = await readFile(pskPath, "utf8").catch((cause: unknown) => {
    throw new NetControlError("NO_KEYS", `there are no keys of a node in ${directory}`, { cause });
  });
  const { mode } = await lstat(pskPath);
  if (process.platform !== "win32" && (mode & 0o077) !== 0) {
    throw new NetControlError(
      "KEY_FILE",
      `others can read ${pskPath} (mode ${(mode & 0o777).toString(8)}); chmod 600 it`,
    );
  }
  const hex = text.trim();
  if (!/^[0-9a-fA-F]{64}$/.test(hex)) {
    throw new NetControlError(
      "KEY_FILE",
      `${pskPath} should hold 64 hexadecimal digits, the pre-shared key of the mesh`,
    );
  }
  const identity = await loadIdentity(join(directory, IDENTITY_FILE)).catch((cause: unknown) => {
    throw new NetControlError("KEY_FILE", cause instanceof Error ? cause.message : String(cause), {
      cause,
    });
  });
  return nodeKeys(identity, new Uint8Array(Buffer.from(hex, "hex")));
}

function nodeKeys(identity: Identity, psk: Uint8Array): NodeKeys {
  return { identity, secretKey: keyedHash(NOISE_LABEL, identity.seed()), psk };
}

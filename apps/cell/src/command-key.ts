import { randomBytes } from "node:crypto";
import { link, open, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { commandKeyLength } from "@gaiaftcl/substrate-command";
import { CellError } from "./cell-error.js";

/**
 * The key under which Franklin and the substrate service of one home trust each other's messages on
 * the bus: `substrate-command.key` in the data directory, made on first use, mode 0600.
 *
 * @throws CellError `SECRET_FILE` for a file of another size or one that others may read
 */
export async function loadCommandKey(dataDirectory: string): Promise<Uint8Array> {
  const path = join(dataDirectory, "substrate-command.key");
  await createOnce(path);
  const { mode } = await stat(path);
  if (process.platform !== "win32" && (mode & 0o077) !== 0) {
    throw new CellError(
      "SECRET_FILE",
      `${path}: expected mode 0600, found ${(mode & 0o777).toString(8)}; remove the file and start the cell again`,
    );
  }
  const key = await readFile(path);
  if (key.length === commandKeyLength) return key;
  throw new CellError(
    "SECRET_FILE",
    `${path}: expected ${commandKeyLength} bytes, found ${key.length}; remove the file and start the cell again`,
  );
}

// A link is made only of a complete file, so that two first starts, or a crash, never leave half a key.
async function createOnce(path: string): Promise<void> {
  if (await exists(path)) return;
  const draft = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
  const file = await open(draft, "wx", 0o600);
  try {
    await file.writeFile(randomBytes(commandKeyLength));
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );
}

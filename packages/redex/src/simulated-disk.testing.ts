import { dirname } from "node:path";
import type { Storage, StorageEntry, StorageFile } from "./storage.js";

const SECTOR = 512;

type Change =
  | { readonly kind: "write"; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly length: number };

/** A file's contents: as programs see it, as the platter has it, and what lies between. */
interface Inode {
  live: Uint8Array;
  durable: Uint8Array;
  pending: Change[];
}

type Names = Map<string, Inode | "directory">;

/** What goes wrong, by the number of the call; each throws once. */
export interface Faults {
  /** How many bytes a write of `length` takes. */
  readonly shorten?: (length: number) => number;
  /** Whether this write, truncation or fsync fails. */
  readonly fails?: (call: "write" | "truncate" | "sync", path: string) => boolean;
}

/**
 * A disk in memory that can lose its power. Until a file is fsynced each sector of a write, and
 * each truncation, lasts or does not, independently of what was written before or after it: writes
 * are torn and reordered at will. Names last in their order, as a journal keeps them, and surely up
 * to the last fsync of a directory. A failed fsync loses for good what it should have written.
 */
export class SimulatedDisk implements Storage {
  faults: Faults = {};
  #names: Names = new Map([["/", "directory"]]);
  /** The names as of the last fsync of a directory, and after each change since. */
  #history: Names[] = [new Map(this.#names)];
  #isOn = true;

  open(path: string, mode: "read" | "write"): StorageFile {
    this.#ensureOn();
    let inode = this.#names.get(path);
    if (inode === "directory") throw new Error(`EISDIR: ${path}`);
    if (inode === undefined) {
      if (mode === "read") throw new Error(`ENOENT: ${path}`);
      if (this.#names.get(dirname(path)) !== "directory") throw new Error(`ENOENT: ${path}`);
      inode = { live: new Uint8Array(0), durable: new Uint8Array(0), pending: [] };
      this.#names.set(path, inode);
      this.#changed();
    }
    return this.#handle(path, inode);
  }

  list(directory: string): readonly StorageEntry[] | undefined {
    this.#ensureOn();
    if (this.#names.get(directory) !== "directory") return undefined;
    const prefix = directory === "/" ? "/" : `${directory}/`;
    return [...this.#names].flatMap(([path, inode]): StorageEntry[] => {
      const name = path.slice(prefix.length);
      if (!path.startsWith(prefix) || name === "" || name.includes("/")) return [];
      return [{ name, kind: inode === "directory" ? "directory" : "file" }];
    });
  }

  makeDirectory(path: string): void {
    this.#ensureOn();
    if (this.#names.has(path)) return;
    this.#names.set(path, "directory");
    this.#changed();
  }

  rename(from: string, to: string): void {
    this.#ensureOn();
    const inode = this.#names.get(from);
    if (inode === undefined) throw new Error(`ENOENT: ${from}`);
    this.#names.delete(from);
    this.#names.set(to, inode);
    this.#changed();
  }

  remove(path: string): void {
    this.#ensureOn();
    for (const name of [...this.#names.keys()]) {
      if (name === path || name.startsWith(`${path}/`)) this.#names.delete(name);
    }
    this.#changed();
  }

  syncDirectory(): void {
    this.#ensureOn();
    this.#history = [new Map(this.#names)];
  }

  /** Replaces or adds a file, durably. */
  place(path: string, bytes: Uint8Array): void {
    const parts = path.split("/").slice(1, -1);
    for (let n = 1; n <= parts.length; n += 1) {
      this.#names.set(`/${parts.slice(0, n).join("/")}`, "directory");
    }
    this.#names.set(path, { live: bytes.slice(), durable: bytes.slice(), pending: [] });
    this.syncDirectory();
  }

  /** Every file as programs see it. */
  files(): Map<string, Uint8Array> {
    const files = new Map<string, Uint8Array>();
    for (const [path, inode] of this.#names) {
      if (inode !== "directory") files.set(path, inode.live);
    }
    return files;
  }

  /**
   * Cuts the power and returns the disk as it is afterwards. This one fails every call from now on.
   *
   * @param chance a number from 0 to less than 1: what lasts of what was not fsynced
   */
  cutPower(chance: () => number): SimulatedDisk {
    this.#isOn = false;
    const after = new SimulatedDisk();
    const names = this.#history[Math.floor(chance() * this.#history.length)] as Names;
    const survivors = new Map<Inode, Inode>();
    for (const [path, inode] of names) {
      if (inode === "directory") {
        after.#names.set(path, inode);
        continue;
      }
      const bytes = survivors.get(inode)?.durable ?? lasting(inode, chance);
      const survivor = { live: bytes.slice(), durable: bytes, pending: [] };
      survivors.set(inode, survivor);
      after.#names.set(path, survivor);
    }
    after.#history = [new Map(after.#names)];
    return after;
  }

  #handle(path: string, inode: Inode): StorageFile {
    const changes = (change: Change): void => {
      inode.live = applied(inode.live, change);
      inode.pending.push(change);
    };
    const before = (call: "write" | "truncate" | "sync"): void => {
      this.#ensureOn();
      if (this.faults.fails?.(call, path) !== true) return;
      // The system forgets what it could not write, and says so only once.
      if (call === "sync") inode.pending = [];
      throw new Error(`EIO: ${call} of ${path}`);
    };
    const syncNow = (): void => {
      before("sync");
      inode.durable = inode.pending.reduce(applied, inode.durable);
      inode.pending = [];
    };
    return {
      size: () => inode.live.length,
      read: (target, position) => {
        this.#ensureOn();
        const bytes = inode.live.subarray(position, position + target.length);
        target.set(bytes);
        return bytes.length;
      },
      write: (bytes, at) => {
        before("write");
        const length = this.faults.shorten?.(bytes.length) ?? bytes.length;
        changes({ kind: "write", at, bytes: bytes.slice(0, length) });
        return length;
      },
      truncate: (length) => {
        before("truncate");
        changes({ kind: "truncate", length });
      },
      sync: async () => {
        const covered = inode.pending.length;
        await new Promise((resolve) => setImmediate(resolve));
        before("sync");
        const done = inode.pending.splice(0, covered);
        inode.durable = done.reduce(applied, inode.durable);
      },
      syncNow,
      close: () => undefined,
    };
  }

  #changed(): void {
    this.#history.push(new Map(this.#names));
  }

  #ensureOn(): void {
    if (!this.#isOn) throw new Error("EIO: the power is off");
  }
}

/** The durable bytes, with those of the later changes that happened to last. */
function lasting(inode: Inode, chance: () => number): Uint8Array {
  const likelihood = chance();
  let bytes = inode.durable;
  for (const change of inode.pending) {
    if (change.kind === "truncate") {
      if (chance() < likelihood) bytes = applied(bytes, change);
      continue;
    }
    for (let from = 0; from < change.bytes.length; ) {
      // Sectors are those of the file, not of the write.
      const to = Math.min(change.bytes.length, from + SECTOR - ((change.at + from) % SECTOR));
      const sector = { ...change, at: change.at + from, bytes: change.bytes.subarray(from, to) };
      if (chance() < likelihood) bytes = applied(bytes, sector);
      from = to;
    }
  }
  return bytes;
}

/** The bytes after a change; a gap that it leaves is zeros. */
function applied(bytes: Uint8Array, change: Change): Uint8Array {
  if (change.kind === "truncate") {
    const cut = new Uint8Array(change.length);
    cut.set(bytes.subarray(0, change.length));
    return cut;
  }
  const grown = new Uint8Array(Math.max(bytes.length, change.at + change.bytes.length));
  grown.set(bytes);
  grown.set(change.bytes, change.at);
  return grown;
}

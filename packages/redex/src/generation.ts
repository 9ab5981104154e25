import { join } from "node:path";
import {
  decodeManifest,
  encodeManifest,
  generationDirectory,
  generationOf,
  isGenerationName,
  MANIFEST_BYTES,
} from "./manifest.js";
import { readFully, type Storage, type StorageEntry, writeFully } from "./storage.js";

/** The three files of a generation (log format, section 2.2), in the order they are written. */
const GENERATION_FILES = ["dat", "idx", "ts"] as const;

/** How the live generation was found. */
export interface LiveGeneration {
  readonly generation: number;
  /** `manifest`: it was valid. The rest are the repairs of section 3, step 1. */
  readonly found: "manifest" | "complete" | "flat" | "new";
}

/**
 * Finds the live generation of a channel's directory, and repairs the manifest, step by step as
 * section 3, step 1 says.
 */
export function findGeneration(storage: Storage, directory: string): LiveGeneration {
  const entries = storage.list(directory) ?? [];
  const named = readManifest(storage, directory, entries);
  if (named !== undefined && isComplete(storage, directory, named)) {
    return { generation: named, found: "manifest" };
  }
  const [complete] = completeGenerations(storage, directory, entries);
  if (complete !== undefined) {
    writeManifest(storage, directory, complete);
    return { generation: complete, found: "complete" };
  }
  const first = join(directory, generationDirectory(1));
  const flat = GENERATION_FILES.filter((name) =>
    entries.some((entry) => entry.name === name && entry.kind === "file"),
  );
  const isNew = !entries.some((entry) => entry.name === generationDirectory(1));
  storage.makeDirectory(first);
  for (const name of flat) storage.rename(join(directory, name), join(first, name));
  if (flat.length > 0) storage.syncDirectory(first);
  storage.syncDirectory(directory);
  writeManifest(storage, directory, 1);
  if (flat.length > 0) return { generation: 1, found: "flat" };
  return { generation: 1, found: isNew && named === undefined ? "new" : "complete" };
}

/** The generations that have all three files, the highest first. */
export function completeGenerations(
  storage: Storage,
  directory: string,
  entries: readonly StorageEntry[],
): number[] {
  return entries
    .filter((entry) => entry.kind === "directory")
    .map((entry) => generationOf(entry.name))
    .filter((generation) => generation !== undefined)
    .sort((a, b) => b - a)
    .filter((generation) => isComplete(storage, directory, generation));
}

/** Reads which generation is live, changing nothing; undefined where the manifest does not tell. */
export function readManifest(
  storage: Storage,
  directory: string,
  entries: readonly StorageEntry[],
): number | undefined {
  if (!entries.some((entry) => entry.name === "manifest" && entry.kind === "file")) {
    return undefined;
  }
  const file = storage.open(join(directory, "manifest"), "read");
  try {
    const bytes = new Uint8Array(MANIFEST_BYTES);
    return decodeManifest(bytes.subarray(0, readFully(file, bytes, 0)));
  } finally {
    file.close();
  }
}

/**
 * Makes `generation` the live one: a temporary file, fsynced, renamed over the manifest. The
 * directory's fsync may fail without harm: were the rename lost in a power cut, the old manifest
 * would name a generation that is gone or complete, and step 1 finds the right one.
 */
export function writeManifest(storage: Storage, directory: string, generation: number): void {
  const temporary = join(directory, "manifest.tmp");
  storage.remove(temporary);
  const file = storage.open(temporary, "write");
  try {
    writeFully(file, encodeManifest(generation), 0);
    file.syncNow();
  } finally {
    file.close();
  }
  storage.rename(temporary, join(directory, "manifest"));
  try {
    storage.syncDirectory(directory);
  } catch {
    // As said above.
  }
}

/** Deletes every generation but the live one, and a half-written manifest (section 3, step 8). */
export function removeOthers(storage: Storage, directory: string, live: number): number {
  let removed = 0;
  for (const entry of storage.list(directory) ?? []) {
    if (entry.name === "manifest.tmp" && entry.kind === "file")
      storage.remove(join(directory, entry.name));
    if (entry.kind !== "directory" || !isGenerationName(entry.name)) continue;
    if (entry.name === generationDirectory(live)) continue;
    storage.remove(join(directory, entry.name));
    removed += 1;
  }
  return removed;
}

function isComplete(storage: Storage, directory: string, generation: number): boolean {
  const entries = storage.list(join(directory, generationDirectory(generation))) ?? [];
  return GENERATION_FILES.every((name) =>
    entries.some((entry) => entry.name === name && entry.kind === "file"),
  );
}

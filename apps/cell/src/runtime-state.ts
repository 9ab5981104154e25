import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CellLayout } from "@gaiaftcl/cell-layout";
import * as v from "valibot";
import { CellError } from "./cell-error.js";

/** What a running cell says about itself in `cell.json` of its data directory, for the commands of its user. */
export interface RuntimeState {
  readonly pid: number;
  readonly started_at_iso: string;
  readonly cell_id: string;
  readonly domain_id: string;
  readonly socket: string;
  readonly database: string;
  readonly brokers: { readonly substrate: string; readonly franklin: string };
  /** The brokers that the cell serves itself. */
  readonly embedded_brokers: readonly ("substrate" | "franklin")[];
}

const stateSchema: v.GenericSchema<unknown, RuntimeState> = v.object({
  pid: v.pipe(v.number(), v.integer(), v.minValue(1)),
  started_at_iso: v.string(),
  cell_id: v.string(),
  domain_id: v.string(),
  socket: v.string(),
  database: v.string(),
  brokers: v.object({ substrate: v.string(), franklin: v.string() }),
  embedded_brokers: v.array(v.picklist(["substrate", "franklin"])),
});

function statePath(layout: CellLayout): string {
  return join(layout.dataDirectory, "cell.json");
}

/** Writes the state so that a reader sees the old file or the new one. */
export async function writeRuntimeState(layout: CellLayout, state: RuntimeState): Promise<void> {
  const path = statePath(layout);
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  await rename(draft, path);
}

/** Removes the state of the process `pid`; another cell's is left alone. */
export async function removeRuntimeState(layout: CellLayout, pid: number): Promise<void> {
  const state = await readRuntimeState(layout);
  if (state?.pid === pid) await rm(statePath(layout), { force: true });
}

/**
 * The state that the last cell of this home wrote, or undefined where none did. A cell that was killed
 * leaves its state behind: ask {@link isAlive} before relying on it.
 *
 * @throws CellError `CONFIGURATION` for a file that is not such a state
 */
export async function readRuntimeState(layout: CellLayout): Promise<RuntimeState | undefined> {
  const path = statePath(layout);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return v.parse(stateSchema, JSON.parse(text));
  } catch (cause) {
    throw new CellError(
      "CONFIGURATION",
      `${path} is not the state of a cell; remove it and run gaiaftcl cell status again`,
      { cause },
    );
  }
}

/** Whether a process of that id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

import { DatabaseSync } from "node:sqlite";

/** What this runtime's `node:sqlite` does, found out by trying rather than by its version. */
export interface RuntimeGuards {
  /** The `limits` option is obeyed; Node 22 and 24 take it and ignore it. */
  readonly limits: boolean;
  /** `setAuthorizer` is there and can refuse. */
  readonly authorizer: boolean;
  /** Text with a NUL in it arrives whole; Node 22 and 24 cut it off there. */
  readonly wholeText: boolean;
}

/** SQLite's answer to an action: go ahead, or fail the statement. */
export const ALLOW = 0;
export const DENY = 1;

let found: RuntimeGuards | undefined;

/** The guards of this runtime; tried once in a process, on databases in memory. */
export function runtimeGuards(): RuntimeGuards {
  found ??= {
    limits: obeysLimits(),
    authorizer: obeysAuthorizer(),
    wholeText: deliversWholeText(),
  };
  return found;
}

function obeysLimits(): boolean {
  return withMemory({ limits: { length: 1000 } }, (database) => {
    try {
      database.prepare("SELECT zeroblob(2000)").get();
      return false;
    } catch {
      return true;
    }
  });
}

function obeysAuthorizer(): boolean {
  return withMemory({}, (database) => {
    if (typeof database.setAuthorizer !== "function") return false;
    database.setAuthorizer(() => DENY);
    try {
      database.prepare("SELECT 1").get();
      return false;
    } catch {
      return true;
    }
  });
}

function deliversWholeText(): boolean {
  return withMemory({}, (database) => {
    const row = database.prepare("SELECT CAST(x'610062' AS TEXT) AS text").get();
    return row?.["text"] === "a\u0000b";
  });
}

function withMemory(
  options: ConstructorParameters<typeof DatabaseSync>[1],
  use: (database: DatabaseSync) => boolean,
): boolean {
  const database = new DatabaseSync(":memory:", options);
  try {
    return use(database);
  } finally {
    database.close();
  }
}

import { join } from "node:path";
import type { Session } from "./session.js";

/** Where the keys of this home's mesh node are. */
export function netKeysDirectory(session: Session): string {
  return join(session.layout.home, "net");
}

/** Where a running node of this home listens for commands. */
export function netSocketPath(session: Session): string {
  return join(session.layout.dataDirectory, "net.sock");
}

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";

/** Makes a named pipe, on which a careless reader would wait for ever. */
export function makePipe(path: string): void {
  execFileSync("/usr/bin/mkfifo", [path]);
}

/** Makes a socket, which stays in place until the scope ends. */
export async function makeSocket(path: string): Promise<AsyncDisposable> {
  const server = createServer();
  server.listen(path);
  await once(server, "listening");
  return {
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

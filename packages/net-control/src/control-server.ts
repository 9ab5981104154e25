import type { Server } from "node:net";
import type { MeshNode } from "@gaiaftcl/net-mesh";
import { ControlConnection } from "./control-connection.js";
import { listenPrivately } from "./control-socket.js";
import { NodeService } from "./node-service.js";

export interface ControlServerOptions {
  /** A path that the user alone can reach; the directory is made with mode 0700. */
  readonly socketPath: string;
  readonly node: MeshNode;
}

/** Lets other processes of the same user drive a node of this one. */
export class ControlServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #connections = new Set<ControlConnection>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @throws NetControlError `ALREADY_RUNNING`, `SOCKET` */
  static async listen({ socketPath, node }: ControlServerOptions): Promise<ControlServer> {
    const service = new NodeService(node);
    const listening = await listenPrivately(socketPath, (socket) => {
      const connection = new ControlConnection(socket, service, () => {
        server.#connections.delete(connection);
      });
      server.#connections.add(connection);
    });
    const server = new ControlServer(listening);
    return server;
  }

  /** Ends every connection and takes the socket away. The node is left as it is. */
  async close(): Promise<void> {
    for (const connection of this.#connections) connection.close();
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

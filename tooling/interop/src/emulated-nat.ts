import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";

/**
 * A port-restricted cone translator in front of one socket on this machine, made of real UDP sockets:
 * one that the world knows as the node's address, and one for each remote the node talks to, which
 * stands for that remote on the inside.
 */
class Box {
  readonly inside: string;
  readonly publicSocket: Socket;
  readonly publicAddress: string;
  /** Public addresses this node has sent to: only they may answer. */
  readonly contacted = new Set<string>();

  constructor(inside: string, publicSocket: Socket) {
    this.inside = inside;
    this.publicSocket = publicSocket;
    this.publicAddress = addressOf(publicSocket);
  }
}

/**
 * Nodes on loopback that see each other only through address translators, so that a punch means
 * what it means on the Internet: a datagram enters only where one has left before.
 */
export class EmulatedNat implements AsyncDisposable {
  readonly #boxes = new Map<string, Box>();
  readonly #facades = new Map<string, Promise<string>>();
  readonly #sockets: Socket[] = [];
  readonly #facadeSockets = new Map<string, Socket>();
  readonly #separated = new Set<string>();
  /** Datagrams that no translator let in. */
  filtered = 0;

  /**
   * Puts the node bound to `inside` behind a translator of its own.
   *
   * @returns the public address others know it by
   */
  async hide(inside: string): Promise<string> {
    const socket = await this.#bind();
    const box = new Box(inside, socket);
    this.#boxes.set(inside, box);
    socket.on("message", (datagram, source) => {
      this.#arrived(box, datagram, textOf(source));
    });
    return box.publicAddress;
  }

  /**
   * The address at which the hidden node `inside` reaches `remote`, a node that is not hidden: what
   * goes there leaves by the translator, and answers come from there.
   */
  towards(inside: string, remote: string): Promise<string> {
    const key = `${inside} ${remote}`;
    const facade = this.#facades.get(key) ?? this.#openFacade(inside, remote);
    this.#facades.set(key, facade);
    return facade;
  }

  /** Lets nothing pass between two hidden nodes any more, as when one translator gives each remote a port of its own. */
  separate(left: string, right: string): void {
    this.#separated.add(`${left} ${right}`);
    this.#separated.add(`${right} ${left}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#sockets.map(async (socket) => {
        const closed = once(socket, "close");
        socket.close();
        await closed;
      }),
    );
  }

  async #openFacade(inside: string, remote: string): Promise<string> {
    const box = this.#box(inside);
    const socket = await this.#bind();
    socket.on("message", (datagram) => {
      box.contacted.add(remote);
      send(box.publicSocket, datagram, remote);
    });
    const address = addressOf(socket);
    this.#facadeSockets.set(`${inside} ${remote}`, socket);
    return address;
  }

  /** A datagram at the public address of `box`: from another hidden node, or from the open world. */
  #arrived(box: Box, datagram: Uint8Array, source: string): void {
    const sender = this.#boxes.get(source);
    // A hidden sender's datagram leaves by its own translator first, which notes where it went.
    sender?.contacted.add(box.publicAddress);
    const seenAs = sender?.publicAddress ?? source;
    const way = sender?.publicSocket ?? this.#facadeSockets.get(`${box.inside} ${source}`);
    const isSeparated = this.#separated.has(`${source} ${box.inside}`);
    if (way === undefined || isSeparated || !box.contacted.has(seenAs)) {
      this.filtered += 1;
      return;
    }
    send(way, datagram, box.inside);
  }

  #box(inside: string): Box {
    const box = this.#boxes.get(inside);
    if (box === undefined) throw new Error(`${inside} is not hidden`);
    return box;
  }

  async #bind(): Promise<Socket> {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    this.#sockets.push(socket);
    return socket;
  }
}

function addressOf(socket: Socket): string {
  const { address, port } = socket.address();
  return `${address}:${port}`;
}

function textOf({ address, port }: RemoteInfo): string {
  return `${address}:${port}`;
}

function send(socket: Socket, datagram: Uint8Array, to: string): void {
  const separator = to.lastIndexOf(":");
  socket.send(datagram, Number(to.slice(separator + 1)), to.slice(0, separator));
}

import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv4 } from "node:net";
import { type AddressParts, formatAddress, parseAddress } from "@gaiaftcl/net-wire";
import { NetMeshError } from "../net-mesh-error.js";

export interface UdpSocketOptions {
  /** `ip:port`; port 0 takes a free one. */
  readonly bind: string;
  /** The datagram may be kept; `from` is in canonical form. */
  readonly received: (datagram: Uint8Array, from: string) => void;
}

/** What became of datagrams on the way out, each a count. */
export interface UdpSocketStats {
  /** The system refused them (no buffers, no route, too large), and so they were lost as the network loses them. */
  readonly sendErrors: number;
  /** Given up here, since the system did not take what was queued before. */
  readonly sendOverflows: number;
  readonly socketErrors: number;
}

const BUFFER_BYTES = 4 * 1024 * 1024;
/** What may wait inside the process for the system to take it; more is dropped, as a full network queue does. */
const MAX_QUEUED_BYTES = 8 * 1024 * 1024;
const MAPPED_PREFIX = "::ffff:";

/** A bound UDP socket whose failures never reach the process. */
export class UdpSocket {
  /** Where it is bound, in canonical form. */
  readonly address: string;
  readonly #socket: Socket;
  readonly #isIpv6: boolean;
  readonly #targets = new Map<string, AddressParts>();
  #sendErrors = 0;
  #sendOverflows = 0;
  #socketErrors = 0;
  #isClosed = false;

  private constructor(socket: Socket, isIpv6: boolean) {
    const { address, port } = socket.address();
    this.#socket = socket;
    this.#isIpv6 = isIpv6;
    this.address = formatAddress({ family: isIpv6 ? 6 : 4, ip: address, port });
    socket.on("error", () => {
      this.#socketErrors += 1;
    });
  }

  /**
   * Binds a socket.
   *
   * @throws NetMeshError `INVALID_OPTION` for an address that is none; `SOCKET` when it cannot be bound
   */
  static async bind(options: UdpSocketOptions): Promise<UdpSocket> {
    const parts = parseAddress(options.bind);
    if (parts === undefined) {
      throw new NetMeshError(
        "INVALID_OPTION",
        `invalid address: invalid socket address syntax: expected ip:port or [ip]:port, found ${JSON.stringify(options.bind)}`,
      );
    }
    const socket = createSocket({
      type: parts.family === 4 ? "udp4" : "udp6",
      // Addresses are literal: no resolver, and no turn of the event loop for it.
      lookup: (host, _options, found) => {
        found(null, host, isIPv4(host) ? 4 : 6);
      },
    });
    try {
      // With a lookup that answers at once, "listening" comes before bind returns.
      const listening = once(socket, "listening");
      socket.bind({ address: parts.ip, port: parts.port });
      await listening;
    } catch (cause) {
      socket.close();
      throw new NetMeshError("SOCKET", `cannot bind ${options.bind}: ${(cause as Error).message}`, {
        cause,
      });
    }
    for (const grow of [
      () => socket.setRecvBufferSize(BUFFER_BYTES),
      () => socket.setSendBufferSize(BUFFER_BYTES),
    ]) {
      try {
        grow();
      } catch {
        // The system's default has to do.
      }
    }
    const bound = new UdpSocket(socket, parts.family === 6);
    socket.on("message", (datagram, { address, port }) => {
      options.received(datagram, sourceAddress(address, port));
    });
    return bound;
  }

  get stats(): UdpSocketStats {
    return {
      sendErrors: this.#sendErrors,
      sendOverflows: this.#sendOverflows,
      socketErrors: this.#socketErrors,
    };
  }

  /** Whether the system has taken, or refused, every datagram that was to be sent. */
  get hasSentAll(): boolean {
    return this.#isClosed || this.#socket.getSendQueueCount() === 0;
  }

  /** Sends a datagram, or loses it. */
  send(datagram: Uint8Array, to: string): void {
    if (this.#isClosed) {
      return;
    }
    if (this.#socket.getSendQueueSize() > MAX_QUEUED_BYTES) {
      this.#sendOverflows += 1;
      return;
    }
    const target = this.#target(to);
    if (target === undefined) {
      this.#sendErrors += 1;
      return;
    }
    try {
      this.#socket.send(datagram, target.port, target.ip, this.#sent);
    } catch {
      this.#sendErrors += 1;
    }
  }

  /** Closes the socket; what is queued is lost. */
  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      await new Promise<void>((resolve) => {
        this.#socket.close(() => {
          resolve();
        });
      });
    }
  }

  readonly #sent = (error: Error | null): void => {
    if (error !== null) {
      this.#sendErrors += 1;
    }
  };

  #target(to: string): AddressParts | undefined {
    const known = this.#targets.get(to);
    if (known !== undefined) {
      return known;
    }
    const parts = parseAddress(to);
    if (parts === undefined || parts.port === 0 || (parts.family === 6 && !this.#isIpv6)) {
      return undefined;
    }
    const target =
      parts.family === 4 && this.#isIpv6 ? { ...parts, ip: `${MAPPED_PREFIX}${parts.ip}` } : parts;
    if (this.#targets.size >= MAX_TARGETS) {
      this.#targets.clear();
    }
    this.#targets.set(to, target);
    return target;
  }
}

/** Parsed addresses kept; they only save time. */
const MAX_TARGETS = 4096;

/** An IPv4 address as IPv4, also where an IPv6 socket received from it, and without a zone. */
function sourceAddress(address: string, port: number): string {
  if (!address.includes(":")) {
    return `${address}:${port}`;
  }
  const mapped = address.startsWith(MAPPED_PREFIX) ? address.slice(MAPPED_PREFIX.length) : "";
  if (isIPv4(mapped)) {
    return `${mapped}:${port}`;
  }
  return `[${address.split("%", 1)[0]}]:${port}`;
}

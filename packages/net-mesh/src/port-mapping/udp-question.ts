import { createSocket } from "node:dgram";

export interface UdpQuestion<T> {
  readonly to: { readonly ip: string; readonly port: number };
  /** The IPv4 address to ask from; the system's choice when left out. */
  readonly from: string | undefined;
  readonly datagrams: readonly Uint8Array[];
  /** When to say it again, in milliseconds from the start: datagrams get lost. */
  readonly repeatAfterMs: readonly number[];
  readonly timeoutMs: number;
  /** The answer in a datagram, or `undefined` for one that is none; anybody may have sent it. */
  readonly read: (datagram: Uint8Array, ip: string, port: number) => T | undefined;
  readonly signal?: AbortSignal;
}

/** Asks from a socket of its own and gives the first answer, or `undefined` when none came in time. */
export async function askOverUdp<T>(question: UdpQuestion<T>): Promise<T | undefined> {
  const { to, from, datagrams, read, signal } = question;
  const { promise, resolve } = Promise.withResolvers<T | undefined>();
  const giveUp = (): void => {
    resolve(undefined);
  };
  if (signal?.aborted === true) {
    return undefined;
  }
  signal?.addEventListener("abort", giveUp, { once: true });
  const socket = createSocket("udp4");
  const say = (): void => {
    for (const datagram of datagrams) {
      // What cannot be sent is as good as lost.
      socket.send(datagram, to.port, to.ip, () => undefined);
    }
  };
  const timers = [
    setTimeout(giveUp, question.timeoutMs),
    ...question.repeatAfterMs.map((afterMs) => setTimeout(say, afterMs)),
  ];
  socket.on("error", giveUp);
  socket.on("message", (datagram, { address, port }) => {
    const answer = read(datagram, address, port);
    if (answer !== undefined) {
      resolve(answer);
    }
  });
  socket.on("listening", say);
  socket.bind({ port: 0, ...(from === undefined ? {} : { address: from }) });
  try {
    return await promise;
  } finally {
    signal?.removeEventListener("abort", giveUp);
    for (const timer of timers) {
      clearTimeout(timer);
    }
    socket.close();
  }
}

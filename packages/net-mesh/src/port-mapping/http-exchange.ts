import { request } from "node:http";

export interface HttpExchange {
  /** Its host is a literal IPv4 address: nothing is looked up. */
  readonly url: URL;
  readonly method: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The IPv4 address to ask from; the system's choice when left out. */
  readonly from: string | undefined;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  /** The address of this machine that the other side saw. */
  readonly localAddress: string;
}

const MAX_HEADER_BYTES = 8 * 1024;
const MAX_BODY_BYTES = 128 * 1024;

/**
 * One exchange on a connection of its own. Redirections are not followed, and a body beyond 128 KiB
 * is not read.
 *
 * @returns `undefined` when no whole answer came in time
 */
export async function exchangeHttp(exchange: HttpExchange): Promise<HttpAnswer | undefined> {
  const { url, method, headers, body = "", from, timeoutMs, signal } = exchange;
  if (signal?.aborted === true) {
    return undefined;
  }
  const { promise, resolve } = Promise.withResolvers<HttpAnswer | undefined>();
  const giveUp = (): void => {
    resolve(undefined);
  };
  signal?.addEventListener("abort", giveUp, { once: true });
  const timer = setTimeout(giveUp, timeoutMs);
  const outgoing = request({
    host: url.hostname,
    port: url.port === "" ? 80 : Number(url.port),
    path: url.pathname + url.search,
    method,
    headers: { ...headers, "content-length": Buffer.byteLength(body) },
    agent: false,
    family: 4,
    maxHeaderSize: MAX_HEADER_BYTES,
    ...(from === undefined ? {} : { localAddress: from }),
  });
  outgoing.on("error", giveUp);
  outgoing.on("response", (incoming) => {
    const localAddress = incoming.socket.localAddress ?? "";
    const chunks: Buffer[] = [];
    let length = 0;
    incoming.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > MAX_BODY_BYTES) {
        giveUp();
      } else {
        chunks.push(chunk);
      }
    });
    incoming.on("error", giveUp);
    incoming.on("end", () => {
      resolve({
        status: incoming.statusCode ?? 0,
        body: Buffer.concat(chunks).toString("utf8"),
        localAddress,
      });
    });
  });
  outgoing.end(body);
  try {
    return await promise;
  } finally {
    signal?.removeEventListener("abort", giveUp);
    clearTimeout(timer);
    outgoing.destroy();
  }
}

import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import type { JsonValue } from "@gaiaftcl/canonical-json";
import {
  broken,
  decodeInteger,
  encodeAnswer,
  encodeBatch,
  encodeFailure,
  objectOf,
  parse,
} from "./child-protocol.js";
import { FrameReader } from "./frame.js";
import { LocalEngine } from "./local-engine.js";
import type { Scan, ScanRequest } from "./scan-request.js";

const MAX_REQUEST_BYTES = 1 << 20;

/** Answers requests, one after the other, until the input ends. */
export async function serveEngine(input: Readable, output: Writable): Promise<void> {
  const frames = new FrameReader(MAX_REQUEST_BYTES);
  const server = new EngineServer();
  for await (const chunk of input) {
    for (const frame of frames.push(chunk as Buffer)) {
      if (!output.write(await server.answer(frame.body))) await once(output, "drain");
    }
  }
}

class EngineServer {
  #engine: LocalEngine | undefined;
  readonly #scans = new Map<number, Scan>();

  async answer(body: Buffer): Promise<Buffer> {
    const message = objectOf(parse(body), "a request");
    const id = Number(message["id"]);
    try {
      const request = objectOf(message["request"], "a request");
      if (request["op"] === "next") return encodeBatch(id, await this.#scan(request).next());
      return encodeAnswer(id, await this.#value(id, request));
    } catch (cause) {
      return encodeFailure(id, cause);
    }
  }

  async #value(
    id: number,
    request: { readonly [key: string]: JsonValue | undefined },
  ): Promise<unknown> {
    if (request["op"] === "open") {
      const { maxValueBytes, busyTimeoutMs, immutable } = objectOf(request["options"], "options");
      this.#engine = new LocalEngine(String(request["path"]), {
        immutable: immutable === true,
        maxValueBytes: Number(maxValueBytes),
        busyTimeoutMs: Number(busyTimeoutMs),
      });
      return null;
    }
    const engine = this.#engine;
    if (engine === undefined) throw broken("a file to be opened first");
    const table = String(request["table"]);
    switch (request["op"]) {
      case "shapes":
        return engine.shapes();
      case "tail": {
        const { shape, lastKey, sequence } = await engine.tail(table);
        return { shape, lastKey: lastKey ?? null, sequence: sequence ?? null };
      }
      case "count": {
        const upTo = decodeInteger(request["upTo"]) ?? 0n;
        const counted = await engine.count(table, decodeInteger(request["after"]), upTo);
        return { count: counted.count, lastKey: counted.lastKey ?? null };
      }
      case "scan": {
        const scan = await engine.scan(scanRequestOf(request["request"]));
        this.#scans.set(id, scan);
        return scan.shape;
      }
      case "end": {
        const number = Number(request["scan"]);
        await this.#scans.get(number)?.close();
        this.#scans.delete(number);
        return null;
      }
      case "cosignatures":
        return engine.cosignatures(String(request["witnessHash"]));
      case "check":
        return engine.quickCheck();
      default:
        throw broken("an operation");
    }
  }

  #scan(request: { readonly [key: string]: JsonValue | undefined }): Scan {
    const scan = this.#scans.get(Number(request["scan"]));
    if (scan === undefined) throw broken("a scan that is open");
    return scan;
  }
}

function scanRequestOf(value: JsonValue | undefined): ScanRequest {
  const { after, upTo, limit, ...rest } = objectOf(value, "what to read");
  return {
    ...(rest as unknown as ScanRequest),
    after: decodeInteger(after),
    upTo: decodeInteger(upTo),
    limit: limit === undefined ? undefined : Number(limit),
  };
}

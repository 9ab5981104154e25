import {
  BEFORE_CONNECT,
  readConnect,
} from "../../../../packages/nats-broker/src/connect-options.ts";
import {
  type ProtocolHandler,
  ProtocolParser,
} from "../../../../packages/nats-broker/src/protocol-parser.ts";
import {
  type Publication,
  withoutHeaders,
} from "../../../../packages/nats-broker/src/publication.ts";
import type { FuzzTarget } from "../engine/fuzz-target.ts";
import { claim, claimSame } from "./claims.ts";

const LIMITS = { maxControlLine: 256, maxPayload: 1024 };

/** What a client's bytes come to, as text. */
class Transcript implements ProtocolHandler {
  readonly lines: string[] = [];

  connect(json: string): void {
    this.lines.push(`connect ${json}`);
  }

  publish(publication: Publication): void {
    const { subject, reply, headerSize, size, frame, tailStart, tailEnd } = publication;
    claim(headerSize <= size && size <= LIMITS.maxPayload, "sizes are within bounds");
    const tail = frame.subarray(tailStart, tailEnd).toString("latin1");
    const line = tail.slice(0, tail.indexOf("\r\n"));
    // Sizes may be delivered as they came, with zeros in front.
    const numbers = headerSize > 0 ? [headerSize, size] : [size];
    const words = line.split(" ").slice(reply === "" ? 0 : 1);
    claimSame(words.map(Number), numbers, "the sizes of a delivery");
    claim(reply === "" || line.startsWith(`${reply} `), "the reply subject of a delivery");
    claim(tail.length === line.length + size + 4, "the payload of a delivery");
    const bare = withoutHeaders(publication);
    claim(bare.size === size - headerSize, "a message without headers is shorter by these");
    this.lines.push(`publish ${subject} ${tail}`);
  }

  subscribe(subject: string, queue: string, sid: string): void {
    this.lines.push(`subscribe ${subject} ${queue} ${sid}`);
  }

  unsubscribe(sid: string, max: number): void {
    this.lines.push(`unsubscribe ${sid} ${max}`);
  }

  ping(): void {
    this.lines.push("ping");
  }

  pong(): void {
    this.lines.push("pong");
  }
}

function read(chunks: readonly Uint8Array[]): readonly string[] {
  const transcript = new Transcript();
  const parser = new ProtocolParser(transcript, LIMITS);
  parser.headersAllowed = true;
  for (const chunk of chunks) {
    const bytes = Buffer.from(chunk);
    claim(parser.push(bytes) === bytes.length, "every byte is taken");
    claim(
      parser.heldBytes <= 2 * (LIMITS.maxControlLine + LIMITS.maxPayload + 1024),
      "little is held",
    );
  }
  return [...transcript.lines, `fault ${parser.fault?.reason}`];
}

export const targets: readonly FuzzTarget[] = [
  {
    name: "nats-broker/protocol",
    seeds: () => [
      'CONNECT {"verbose":false}\r\nPING\r\nPONG\r\n',
      "SUB a.> q 1\r\nUNSUB 1 5\r\nPUB a.b 5\r\nhello\r\n",
      "HPUB a r 12 17\r\nNATS/1.0\r\n\r\nhello\r\n",
      "pub  a\tr 0\r\n\r\n+OK\r\nINFO {}\r\n-ERR x\r\n",
      "SUB a 1\nPUB a 2\nhi\r\n",
    ],
    // Byte by byte, every byte looks at its unfinished line again, which is bounded.
    work: 2_000_000,
    dictionary: ["PUB ", "HPUB ", "SUB ", "UNSUB ", "CONNECT ", "PING\r\n", "\r\n", "-ERR", "+OK"],
    run(input) {
      const whole = read([input]);
      const half = input.length >> 1;
      claimSame(read([input.subarray(0, half), input.subarray(half)]), whole, "cut in two");
      claimSame(read(Array.from(input, (byte) => Uint8Array.of(byte))), whole, "byte by byte");
    },
  },
  {
    name: "nats-broker/connect",
    seeds: () => [
      '{"verbose":true,"pedantic":true,"echo":false,"headers":true,"no_responders":true,"protocol":1,"auth_token":"t","name":"n"}',
      "{}",
      "null",
    ],
    run(input) {
      const result = readConnect(new TextDecoder().decode(input), BEFORE_CONNECT);
      if ("fault" in result) return;
      const { token, name, protocol, echo } = result.options;
      claim(typeof token === "string" && typeof name === "string", "texts are texts");
      claim(typeof echo === "boolean" && (protocol === 0 || protocol === 1), "the rest is, too");
    },
  },
];

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ParserLimits, type ProtocolHandler, ProtocolParser } from "./protocol-parser.js";
import type { Publication } from "./publication.js";

const LIMITS: ParserLimits = { maxControlLine: 64, maxPayload: 100 };

/** Writes down what a stream means, one line for each operation, and how it ended. */
class Transcript implements ProtocolHandler {
  readonly lines: string[] = [];
  connect(json: string): void {
    this.lines.push(`connect ${json}`);
  }
  publish({ subject, reply, headerSize, size, frame, tailStart, tailEnd }: Publication): void {
    const tail = frame.toString("latin1", tailStart, tailEnd);
    this.lines.push(`publish ${JSON.stringify({ subject, reply, headerSize, size, tail })}`);
  }
  subscribe(subject: string, queue: string, sid: string): void {
    this.lines.push(`subscribe ${JSON.stringify({ subject, queue, sid })}`);
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

function read(chunks: readonly (string | Buffer)[], limits: ParserLimits = LIMITS): string[] {
  const transcript = new Transcript();
  const parser = new ProtocolParser(transcript, limits);
  parser.headersAllowed = true;
  for (const chunk of chunks) {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk, "latin1") : chunk;
    expect(parser.push(bytes)).toBe(bytes.length);
  }
  if (parser.fault !== undefined) transcript.lines.push(`fault ${parser.fault.reason}`);
  return transcript.lines;
}

function publish(
  subject: string,
  reply: string,
  headerSize: number,
  size: number,
  tail: string,
): string {
  return `publish ${JSON.stringify({ subject, reply, headerSize, size, tail })}`;
}

describe("operations", () => {
  it("reads each in either case, with tabs, extra spaces, and a bare line feed", () => {
    const expected = [
      'connect {"verbose":false}',
      'subscribe {"subject":"a.*","queue":"","sid":"1"}',
      'subscribe {"subject":"a.>","queue":"q","sid":"2"}',
      "unsubscribe 1 0",
      "unsubscribe 2 7",
      "ping",
      "pong",
      publish("a.b", "", 0, 2, "2\r\nhi\r\n"),
      publish("a.b", "r", 0, 0, "r 0\r\n\r\n"),
    ];
    expect(
      read([
        'CONNECT {"verbose":false}\r\nSUB a.* 1\r\nSUB a.> q 2\r\nUNSUB 1\r\nUNSUB 2 7\r\n',
        "PING\r\nPONG\r\nPUB a.b 2\r\nhi\r\nPUB a.b r 0\r\n\r\n",
      ]),
    ).toEqual(expected);
    expect(
      read([
        'connect   {"verbose":false} \nsub\ta.*\t1\nSub  a.>  q  2  \nunsub 1\nunSUB 2\t7 \r\n',
        "ping\npong ignored\r\npub \t a.b\t 2  \nhi\r\npUb  a.b  r  0\n\r\n",
      ]).map((line) => line.trim()),
    ).toEqual(expected.map((line) => line.replace("false}", "false} ").trim()));
  });

  it("hands headers and payload on as they came, in the spelling of HMSG", () => {
    const block = "NATS/1.0\r\nA: b\r\n\r\n";
    expect(read([`HPUB s r ${block.length} ${block.length + 2}\r\n${block}hi\r\n`])).toEqual([
      publish("s", "r", block.length, block.length + 2, `r 18 20\r\n${block}hi\r\n`),
    ]);
    expect(read([`HPUB  s  18  20\n${block}hi\r\n`])).toEqual([
      publish("s", "", 18, 20, `18 20\r\n${block}hi\r\n`),
    ]);
  });

  it("takes a header size of 0 for a message without headers, and keeps a size as it was spelled", () => {
    expect(read(["HPUB s r 0 2\r\nhi\r\n"])).toEqual([publish("s", "r", 0, 2, "r 2\r\nhi\r\n")]);
    expect(read(["PUB s 0002\r\nhi\r\n"])).toEqual([publish("s", "", 0, 2, "0002\r\nhi\r\n")]);
  });

  it("keeps bytes that are no UTF-8, and payloads that look like operations", () => {
    expect(read(["SUB \xff\xfe\x80 1\r\nPUB \xc3( 9\r\nPING\r\n\0\r\n\r\n"])).toEqual([
      'subscribe {"subject":"\xff\xfe\x80","queue":"","sid":"1"}',
      publish("\xc3(", "", 0, 9, "9\r\nPING\r\n\0\r\n\r\n"),
    ]);
  });

  it("ignores +OK and INFO, which mean nothing from a client", () => {
    expect(read(["+OK\r\nINFO {}\r\nPING\r\n"])).toEqual(["ping"]);
  });
});

describe("violations", () => {
  const unknown = "fault Unknown Protocol Operation";
  const malformed = "fault malformed arguments";
  const tooLong = "fault maximum control line exceeded";
  it.each([
    ["FOO\r\n", unknown],
    ["\r\n", unknown],
    ["GET / HTTP/1.1\r\n", unknown],
    ["MSG a 1 2\r\nhi\r\n", unknown],
    ["PUB\r\n", unknown],
    ["PUBX a 1\r\n", unknown],
    ["SUB\r\n", unknown],
    ["UNSUB\r\n", unknown],
    ["PUB a 2\r\nhixx\r\n", unknown],
    ["PUB a 2\r\nhi\rx\n", unknown],
    ["-ERR 'x'\r\n", "fault -ERR from a client"],
    ["PUB \r\n", malformed],
    ["PUB a\r\n", malformed],
    ["PUB a b c 1\r\n", malformed],
    ["PUB a x\r\n", malformed],
    ["PUB a -1\r\n", malformed],
    ["PUB a +1\r\n", malformed],
    ["PUB a 1e1\r\n", malformed],
    ["PUB a 0000000001\r\n", malformed],
    ["PUB a 99999999999999999999\r\n", malformed],
    ["HPUB a 2\r\n", malformed],
    ["HPUB a b c 2 3\r\n", malformed],
    ["HPUB a 3 2\r\n", malformed],
    ["HPUB a -1 2\r\n", malformed],
    ["HPUB a 1 x\r\n", malformed],
    ["SUB a\r\n", malformed],
    ["SUB a b c d\r\n", malformed],
    ["UNSUB \r\n", malformed],
    ["UNSUB 1 2 3\r\n", malformed],
    ["PUB a 101\r\n", "fault Maximum Payload Violation"],
    ["HPUB a 12 101\r\n", "fault Maximum Payload Violation"],
    ["PUB a 999999999\r\n", "fault Maximum Payload Violation"],
    [`SUB ${"a".repeat(63)} 1\r\n`, tooLong],
    [`SUB ${"a".repeat(65)}`, tooLong],
    [`CONNECT {"name":"${"x".repeat(64)}"}\r\n`, tooLong],
    [`SUB ${" ".repeat(200)}a 1\r\n`, tooLong],
    [`PING ${"x".repeat(200)}`, tooLong],
  ])("%j", (bytes, expected) => {
    const stream = `PING\r\n${bytes}`;
    expect(read([stream, "PING\r\n"])).toEqual(["ping", expected]);
    expect(read([...stream, "PING\r\n"])).toEqual(["ping", expected]);
  });

  it("are known before the line is complete when no verb begins so", () => {
    for (const start of ["X", "PX", "PUX", "PUBX", "SUBS", "+K", "-ERRX", "HPUBX"]) {
      expect(read([start])).toEqual([unknown]);
    }
  });

  it("leaves exactly the longest allowed control line alone", () => {
    const longest = "a".repeat(62);
    expect(read([`SUB ${longest} 1\r\n`])).toHaveLength(1);
    expect(read([..."SUB ", longest, " 1", "\r", "\n"])).toEqual([
      `subscribe {"subject":"${longest}","queue":"","sid":"1"}`,
    ]);
  });

  it("refuses all but CONNECT while one is required, and HPUB until headers are agreed on", () => {
    const transcript = new Transcript();
    const guarded = new ProtocolParser(transcript, LIMITS);
    guarded.connectRequired = true;
    guarded.push(Buffer.from("connect {}\r\nP"));
    expect(transcript.lines).toEqual(["connect {}"]);
    expect(guarded.fault?.reason).toBe("Authorization Violation");

    const plain = new ProtocolParser(transcript, LIMITS);
    plain.push(Buffer.from("HPUB a 0 0\r\n"));
    expect(plain.fault?.reason).toBe("HPUB without header support");
  });
});

describe("memory", () => {
  it("grows with the bytes received, not with the size announced", () => {
    const parser = new ProtocolParser(new Transcript(), {
      maxControlLine: 4096,
      maxPayload: 60_000_000,
    });
    parser.push(Buffer.from("PUB a 60000000\r\n"));
    expect(parser.heldBytes).toBeLessThanOrEqual(1024);
    for (let received = 0; received < 3_000_000; received += 50_000) {
      parser.push(Buffer.alloc(50_000));
      expect(parser.heldBytes).toBeLessThanOrEqual(2 * (received + 50_000) + 1024);
    }
  });

  it("never exceeds the operation once its length is known, and is given back with it", () => {
    const transcript = new Transcript();
    const parser = new ProtocolParser(transcript, { maxControlLine: 64, maxPayload: 5_000 });
    parser.push(Buffer.from(`PUB a 5000\r\n${"x".repeat(4_000)}`));
    expect(parser.heldBytes).toBeLessThanOrEqual("PUB a 5000\r\n".length + 5_002);
    parser.push(Buffer.from(`${"x".repeat(1_000)}\r\n`));
    expect(transcript.lines).toHaveLength(1);
    expect(parser.heldBytes).toBe(0);
  });

  it("stops growing at the longest line when a line never ends", () => {
    const parser = new ProtocolParser(new Transcript(), { maxControlLine: 4096, maxPayload: 1 });
    for (let sent = 0; sent < 100; sent += 1) {
      parser.push(Buffer.from(sent === 0 ? `SUB ${"a".repeat(1_000)}` : "a".repeat(1_000)));
      expect(parser.heldBytes).toBeLessThan(10_000);
    }
    expect(parser.fault?.reason).toBe("maximum control line exceeded");
    expect(parser.heldBytes).toBe(0);
  });
});

describe("for any stream", () => {
  const word = fc.string({
    unit: fc.constantFrom("a", "Z", ".", "*", ">", "\xff", "\0"),
    minLength: 1,
    maxLength: 6,
  });
  const gap = fc.constantFrom(" ", "  ", "\t", " \t ");
  const end = fc.constantFrom("\r\n", "\n", " \r\n");
  const payload = fc.string({ unit: fc.constantFrom("P", "\r", "\n", " ", "\xfe"), maxLength: 20 });
  const line = fc.oneof(
    fc.tuple(fc.constantFrom("PING", "pong", "+OK"), end).map((parts) => parts.join("")),
    fc.tuple(fc.constant("SUB"), gap, word, gap, word, end).map((parts) => parts.join("")),
    fc
      .tuple(fc.constant("sub"), gap, word, gap, word, gap, word, end)
      .map((parts) => parts.join("")),
    fc.tuple(word, fc.nat(20), end).map(([sid, max, eol]) => `UNSUB ${sid} ${max}${eol}`),
    fc
      .tuple(word, gap, payload, end)
      .map(
        ([subject, space, body, eol]) => `PUB${space}${subject} ${body.length}${eol}${body}\r\n`,
      ),
    fc
      .tuple(word, gap, word, payload, payload, end)
      .map(
        ([subject, space, reply, headers, body, eol]) =>
          `HPUB ${subject}${space}${reply} ${headers.length} ${headers.length + body.length}${eol}${headers}${body}\r\n`,
      ),
  );
  const stream = fc.array(line, { maxLength: 12 }).map((lines) => lines.join(""));
  const cuts = fc.array(fc.nat(400), { maxLength: 20 });

  function split(text: string, at: readonly number[]): string[] {
    const sorted = [...at].sort((a, b) => a - b);
    return [0, ...sorted].map((cut, index) => text.slice(cut, sorted[index] ?? text.length));
  }

  it("the chunking makes no difference", () => {
    fc.assert(
      fc.property(stream, cuts, (text, at) => {
        const whole = read([text]);
        expect(whole.filter((entry) => entry.startsWith("fault"))).toEqual([]);
        expect(read(split(text, at))).toEqual(whole);
        expect(read([...text])).toEqual(whole);
      }),
    );
  });

  it("the chunking makes no difference to what a broken stream means either", () => {
    const broken = fc
      .tuple(stream, fc.nat(400), fc.string({ unit: "binary", maxLength: 5 }))
      .map(([text, at, junk]) => text.slice(0, at) + junk + text.slice(at));
    fc.assert(
      fc.property(broken, cuts, (text, at) => {
        const latin1 = Buffer.from(text, "latin1").toString("latin1");
        const whole = read([latin1]);
        const parts = read(split(latin1, at));
        // An end that is not complete may already be known to be wrong, and is then so in both.
        expect(parts).toEqual(whole);
      }),
      { numRuns: 300 },
    );
  });

  it("arbitrary bytes never throw, and never hold more than a line and a payload", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 10 }), (chunks) => {
        const parser = new ProtocolParser(new Transcript(), LIMITS);
        for (const chunk of chunks) {
          parser.push(Buffer.from(chunk));
          expect(parser.heldBytes).toBeLessThanOrEqual(2048);
        }
      }),
    );
  });

  it("a pause hands back the rest of the chunk, and nothing is lost or read twice", () => {
    fc.assert(
      fc.property(stream, fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }), (text, rests) => {
        let operations = 0;
        class Resting extends Transcript {
          override publish(publication: Publication): void {
            super.publish(publication);
            operations += 1;
            if (rests[operations % rests.length]) parser.pause();
          }
        }
        const transcript = new Resting();
        const parser = new ProtocolParser(transcript, LIMITS);
        parser.headersAllowed = true;
        let rest = Buffer.from(text, "latin1");
        while (rest.length > 0) rest = rest.subarray(parser.push(rest));
        expect(transcript.lines).toEqual(read([text]));
      }),
    );
  });

  it("nothing follows once the handler has stopped the parser", () => {
    const transcript = new Transcript();
    const parser = new ProtocolParser(transcript, LIMITS);
    transcript.ping = () => parser.stop();
    parser.push(Buffer.from("PONG\r\nPING\r\nPONG\r\n"));
    parser.push(Buffer.from("PONG\r\n"));
    expect(transcript.lines).toEqual(["pong"]);
  });
});

import type { BrokerSettings } from "./nats-broker-process.ts";

/** Bytes sent by hand. They end with a PING, or with what ends the connection. */
export interface ProtocolCase {
  readonly name: string;
  /** Latin1, one write for each. */
  readonly chunks: readonly string[];
}

/** The settings under which the tables below were thought out. */
export const protocolSettings: BrokerSettings = {
  maxPayload: 1_000,
  maxSubscriptions: 8,
  maxSubscriptionTokens: 60,
};

export const tokenSettings: BrokerSettings = { token: "s3cret", authTimeoutMs: 1_000 };

function connect(changes: Readonly<Record<string, unknown>> = {}): string {
  const options = { verbose: false, pedantic: false, headers: true, no_responders: true };
  return `CONNECT ${JSON.stringify({ ...options, ...changes })}\r\n`;
}

function cases(
  table: Readonly<Record<string, string | readonly string[]>>,
  before = connect(),
): ProtocolCase[] {
  return Object.entries(table).map(([name, bytes]) => ({
    name,
    chunks: [before, ...(typeof bytes === "string" ? [bytes] : bytes)],
  }));
}

const HEADERS = "NATS/1.0\r\nA: bcdef\r\n\r\n";
const P = "PING\r\n";

export const protocolCases: readonly ProtocolCase[] = [
  ...cases({
    "a message to oneself": `SUB a 1\r\nPUB a 5\r\nhello\r\n${P}`,
    "lower case": "sub a 1\r\npub a 2\r\nhi\r\nping\r\n",
    "line feeds alone": "SUB a 1\nPUB a 2\nhi\r\nPING\n",
    "tabs and spaces": `SUB \t a \t q \t 7 \t \r\nPUB \t a\t reply \t2  \r\nhi\r\n${P}`,
    "one byte at a time": [..."SUB a 1\r\nPUB a 5\r\nhello\r\nPING\r\n"],
    "a reply subject": `SUB a 1\r\nPUB a reply 2\r\nhi\r\n${P}`,
    "an empty payload": `SUB a 1\r\nPUB a 0\r\n\r\n${P}`,
    "a size with leading zeros": `SUB a 1\r\nPUB a 0002\r\nhi\r\nPUB a 000000002\r\nhi\r\n${P}`,
    "a subscription id of any text": `SUB a x-y.z\r\nPUB a 0\r\n\r\n${P}`,
    "bytes that are no UTF-8": `SUB \xff\xfe 1\r\nPUB \xff\xfe 2\r\n\xc3(\r\n${P}`,
    "control characters in a subject": `SUB a\0b\v\f 1\r\nPUB a\0b\v\f 2\r\nhi\r\n${P}`,
    "100 tokens": `SUB ${"a.".repeat(50)}> 1\r\nPUB ${"a.".repeat(100)}b 0\r\n\r\n${P}`,
    "too many tokens": `SUB ${"a.".repeat(60)}b 1\r\n${P}`,
    "PING and PONG with more behind them": `PING abc\r\nPONG x\r\nPINGX\r\n${P}`,
    "+OK and INFO from a client": `+OK\r\nINFO {}\r\n${P}`,
    "subjects that match nothing": `SUB > 1\r\nSUB *.*.* 2\r\nPUB foo..bar 0\r\n\r\nPUB foo. 0\r\n\r\nPUB .foo 0\r\n\r\n${P}`,
    "publishing to wildcards": `SUB foo.* 1\r\nSUB foo.bar 2\r\nPUB foo.* 0\r\n\r\nPUB foo.> 0\r\n\r\nPUB > 0\r\n\r\n${P}`,
    "a reply with wildcards": `SUB a 1\r\nPUB a foo.* 0\r\n\r\n${P}`,
    "system subjects": `SUB $SYS.> 1\r\nPUB $SYS.x 0\r\n\r\nPUB $SYS.REQ.SERVER.PING 1 0\r\n\r\n${P}`,
    "no JetStream": `SUB r 1\r\nPUB $JS.API.INFO r 0\r\n\r\n${P}`,
  }),
  ...cases({
    "invalid subjects": `SUB a..b 1\r\nSUB .a 2\r\nSUB a. 3\r\nSUB a.>.b 4\r\nSUB >.a 5\r\n${P}`,
    "too many subscriptions": `${[1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `SUB a.${n} ${n}\r\n`).join("")}PUB a.9 0\r\n\r\nPUB a.8 0\r\n\r\n${P}`,
    "an id used twice": `SUB a 1\r\nSUB b 1\r\nPUB a 0\r\n\r\nPUB b 0\r\n\r\nUNSUB 1\r\nPUB a 0\r\n\r\n${P}`,
    "an id used again": `SUB a 1\r\nUNSUB 1\r\nSUB b 1\r\nPUB a 0\r\n\r\nPUB b 0\r\n\r\n${P}`,
    "UNSUB of an unknown id": `UNSUB 99\r\nUNSUB 99 4\r\n${P}`,
    "UNSUB with a maximum": `SUB a 1\r\nUNSUB 1 2\r\n${"PUB a 0\r\n\r\n".repeat(3)}${P}`,
    "UNSUB with a maximum already reached": `SUB a 1\r\nPUB a 0\r\n\r\nPUB a 0\r\n\r\nUNSUB 1 2\r\nPUB a 0\r\n\r\n${P}`,
    "UNSUB with a maximum partly used": `SUB a 1\r\nPUB a 0\r\n\r\nUNSUB 1 2\r\nPUB a 0\r\n\r\nPUB a 0\r\n\r\n${P}`,
    "UNSUB with a smaller maximum later": `SUB a 1\r\nUNSUB 1 5\r\nUNSUB 1 1\r\nPUB a 0\r\n\r\nPUB a 0\r\n\r\n${P}`,
    "UNSUB with what is no number": `SUB a 1\r\nUNSUB 1 x\r\nPUB a 0\r\n\r\n${P}`,
    "UNSUB with a negative number": `SUB a 1\r\nUNSUB 1 -5\r\nPUB a 0\r\n\r\n${P}`,
    "UNSUB with zero": `SUB a 1\r\nUNSUB 1 0\r\nPUB a 0\r\n\r\n${P}`,
    "UNSUB with ten digits": `SUB a 1\r\nUNSUB 1 9999999999\r\nPUB a 0\r\n\r\n${P}`,
    "a maximum counts no 503": `SUB r 1\r\nUNSUB 1 1\r\nPUB x r 0\r\n\r\nPUB x r 0\r\n\r\nPUB r 0\r\n\r\nPUB r 0\r\n\r\n${P}`,
    "a queue name with wildcards": `SUB a q.> 1\r\nPUB a 0\r\n\r\n${P}`,
  }),
  ...cases({
    headers: `SUB a 1\r\nHPUB a ${HEADERS.length} ${HEADERS.length + 2}\r\n${HEADERS}hi\r\n${P}`,
    "headers and a reply": `SUB a 1\r\nHPUB a r 12 12\r\nNATS/1.0\r\n\r\n\r\n${P}`,
    "headers of no bytes": `SUB a 1\r\nHPUB a 0 2\r\nhi\r\n${P}`,
    "headers that are none": `SUB a 1\r\nHPUB a 4 6\r\nxxxxhi\r\n${P}`,
    "headers with spaces between": `SUB a 1\r\nHPUB  a  r  12  14 \r\nNATS/1.0\r\n\r\nhi\r\n${P}`,
    "more headers than message": "HPUB a 13 12\r\n",
    "a negative header size": "HPUB a -1 2\r\n",
    "a header size that is no number": "HPUB a x 2\r\n",
    "one size for HPUB": "HPUB a 2\r\n",
    "five arguments for HPUB": "HPUB a b c 2 3\r\n",
    "headers over the largest payload": "HPUB a 12 1001\r\n",
    "a 503 for a request nobody serves": `SUB r.* 1\r\nPUB foo r.1 2\r\nhi\r\n${P}`,
    "a 503 for a request with headers": `SUB r.* 1\r\nHPUB foo r.1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n${P}`,
    "a 503 for a subject that matches nothing": `SUB r 1\r\nPUB foo..bar r 0\r\n\r\nPUB foo.* r 0\r\n\r\n${P}`,
    "no 503 without a reply, or to nobody": `SUB r 1\r\nPUB foo 0\r\n\r\nPUB foo q 0\r\n\r\n${P}`,
    "no 503 when somebody listens": `SUB > 1\r\nSUB r.x 2\r\nPUB foo r.x 0\r\n\r\n${P}`,
    "no 503 to a queue group": `SUB r q 1\r\nPUB foo r 0\r\n\r\n${P}`,
  }),
  ...cases({
    "an unknown operation": "FOO\r\n",
    "an empty line": "\r\n",
    "a server's operation": "MSG a 1 2\r\nhi\r\n",
    "an HTTP request": "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a PUB without arguments": "PUB\r\n",
    "a PUB of nothing": "PUB \r\n",
    "a PUB without a size": "PUB a\r\n",
    "a PUB of four arguments": "PUB a b c 1\r\n",
    "a size that is no number": "PUB a x\r\n",
    "a negative size": "PUB a -1\r\n",
    "a size with a sign": "PUB a +1\r\n",
    "a size of ten digits": "PUB a 0000000001\r\n",
    "a size beyond all numbers": "PUB a 99999999999999999999\r\n",
    "a payload over the largest": "PUB a 1001\r\n",
    "a payload longer than said": `PUB a 2\r\nhixx\r\n${P}`,
    "a payload without a line feed": `PUB a 2\r\nhi\rx\n${P}`,
    "a SUB without an id": "SUB a\r\n",
    "a SUB of four arguments": "SUB a b c d\r\n",
    "a SUB without arguments": "SUB\r\n",
    "an UNSUB without an id": "UNSUB \r\n",
    "an UNSUB of three arguments": "UNSUB 1 2 3\r\n",
    "an error from a client": "-ERR 'x'\r\n",
    "the longest control line": `SUB ${"a".repeat(4_094)} 1\r\n${P}`,
    "a longer control line": `SUB ${"a".repeat(4_095)} 1\r\n`,
    "a longer control line in parts": [`SUB ${"a".repeat(4_000)}`, "a".repeat(97)],
    "a longer PUB": `PUB ${"a".repeat(4_095)} 1\r\nx\r\n`,
    "a longer UNSUB": `UNSUB ${"1".repeat(5_000)}\r\n`,
  }),
  ...cases(
    {
      "before CONNECT: everything is acknowledged": `SUB a 1\r\nPUB a 2\r\nhi\r\nUNSUB 1\r\n${P}`,
      "before CONNECT: pedantic": `SUB a.* 1\r\nPUB a.* 2\r\nhi\r\n${P}`,
      "before CONNECT: no headers": "HPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n",
      "CONNECT of nothing": "CONNECT \r\n",
      "CONNECT of half an object": "CONNECT {\r\n",
      "CONNECT of a number": "CONNECT 5\r\n",
      "CONNECT of an array": "CONNECT []\r\n",
      "CONNECT of null": `CONNECT null\r\n${P}`,
      "CONNECT without a space": `CONNECT{}\r\n${P}`,
      "CONNECT with spaces behind": `CONNECT {"verbose":false}   \r\n${P}`,
      "CONNECT with more behind": 'CONNECT {"verbose":false} x\r\n',
      "CONNECT with unknown members": `CONNECT {"verbose":false,"weird":{"a":[1]}}\r\n${P}`,
      "CONNECT with a member twice": `CONNECT {"verbose":true,"verbose":false}\r\n${P}`,
      "CONNECT with a null member": `CONNECT {"verbose":null}\r\n${P}`,
      "CONNECT that is no UTF-8": `CONNECT {"verbose":false,"name":"\xff"}\r\n${P}`,
      "CONNECT with members of another type": 'CONNECT {"verbose":"yes"}\r\n',
      "CONNECT with a number for a name": connect({ name: 5 }),
      "CONNECT with another protocol": connect({ protocol: 2 }),
      "CONNECT with a negative protocol": connect({ protocol: -1 }),
      "CONNECT with a broken protocol": connect({ protocol: 0.5 }),
      "CONNECT with no_responders alone": connect({ headers: false }),
      "CONNECT longer than a control line": connect({ name: "x".repeat(5_000) }),
      "CONNECT twice": `${connect()}${connect({ verbose: true })}SUB a 1\r\n${P}`,
      "CONNECT after a subscription, and again": `SUB a 1\r\n${connect()}PUB a 0\r\n\r\n${connect()}PUB a 0\r\n\r\n${P}`,
      "CONNECT with a token nobody asked for": `${connect({ auth_token: "x" })}${P}`,
      "a client without headers": `${connect({ headers: false, no_responders: false })}SUB a 1\r\nPUB a 0\r\n\r\n${P}HPUB a 12 12\r\n`,
      "no 503 unless wanted": `${connect({ no_responders: false })}SUB r 1\r\nPUB foo r 0\r\n\r\n${P}`,
      "echo off": `${connect({ echo: false })}SUB a 1\r\nSUB a q 2\r\nSUB r 3\r\nPUB a 0\r\n\r\nPUB a r 0\r\n\r\n${P}`,
      "verbose refusals": `${connect({ verbose: true })}SUB a..b 1\r\nUNSUB 9\r\nSUB a 2\r\nSUB b 2\r\n${P}`,
      "pedantic refusals": `${connect({ pedantic: true })}SUB foo.> 1\r\nPUB foo.* 0\r\n\r\nPUB foo..bar 0\r\n\r\nPUB foo.a b..c 0\r\n\r\n${P}`,
    },
    "",
  ),
];

export const tokenCases: readonly ProtocolCase[] = cases(
  {
    "PING first": P,
    "SUB first": "SUB > 1\r\n",
    "nonsense first": "X",
    "nonsense that begins like CONNECT": "CXX\r\n",
    "a wrong token": connect({ auth_token: "x" }),
    "no token": connect(),
    "a user and a password": connect({ user: "s3cret", pass: "s3cret" }),
    "a token that is no text": connect({ auth_token: 5 }),
    "the right token": `${connect({ auth_token: "s3cret" })}${P}`,
    "the right token, then a wrong one": `${connect({ auth_token: "s3cret" })}${connect({ auth_token: "x" })}`,
    silence: "",
    "half a CONNECT": "CONNECT {",
  },
  "",
);

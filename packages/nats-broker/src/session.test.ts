import { describe, expect, it } from "vitest";
import { connectLine, MemoryClient, memoryRouter } from "./memory-client.testing.js";

describe("a session", () => {
  it("says +OK to everything until CONNECT says otherwise", () => {
    const client = new MemoryClient(memoryRouter());
    expect(client.send("SUB a 1\r\nPUB a 2\r\nhi\r\n")).toBe("+OK\r\n+OK\r\nMSG a 1 2\r\nhi\r\n");
    expect(client.send(connectLine())).toBe("");
    expect(client.send("PUB a 2\r\nhi\r\nPING\r\n")).toBe("MSG a 1 2\r\nhi\r\nPONG\r\n");
    expect(client.send('CONNECT {"verbose":true}\r\nPING\r\n')).toBe("+OK\r\nPONG\r\n");
  });

  it.each([
    ["no JSON", "CONNECT {\r\n", ""],
    ["trailing bytes", "CONNECT {} x\r\n", ""],
    ["nothing", "CONNECT \r\n", ""],
    ["a number", "CONNECT 5\r\n", ""],
    ["an array", "CONNECT []\r\n", ""],
    ["a member of another type", connectLine({ verbose: "yes" }), ""],
    ["a fraction", connectLine({ protocol: 0.5 }), ""],
    ["a token that is no text", connectLine({ auth_token: 5 }), ""],
    ["another protocol", connectLine({ protocol: 2 }), "-ERR 'invalid client protocol'\r\n"],
    [
      "no_responders without headers",
      connectLine({ headers: false }),
      "-ERR 'no responders requires headers support'\r\n",
    ],
  ])("refuses a CONNECT of %s", (_, line, answer) => {
    const client = new MemoryClient(memoryRouter());
    expect(client.send(`${line}PING\r\n`)).toBe(answer);
    expect(client.ended).toBe(true);
  });

  it("leaves members that are null or unknown as they were", () => {
    const client = new MemoryClient(memoryRouter());
    client.send(connectLine());
    expect(client.send('CONNECT {"verbose":null,"__proto__":{"verbose":true}}\r\nPING\r\n')).toBe(
      "PONG\r\n",
    );
    expect(client.send("CONNECT null\r\nPING\r\n")).toBe("PONG\r\n");
  });

  it("begins anew with a second CONNECT, as with nats-server", () => {
    const router = memoryRouter();
    const client = new MemoryClient(router);
    client.send(`SUB a 1\r\n${connectLine()}`);
    expect(client.send("PUB a 0\r\n\r\n")).toBe("MSG a 1 0\r\n\r\n");
    expect(client.send(`${connectLine()}PUB a 0\r\n\r\n`)).toBe("");
    expect(router.subscriptions).toBe(0);
  });

  it("with a token takes nothing but a CONNECT that carries it", () => {
    const router = memoryRouter({}, { token: "s3cret" });
    for (const attempt of [
      "PING\r\n",
      "SUB > 1\r\n",
      "x",
      connectLine(),
      connectLine({ auth_token: "s3cre" }),
      connectLine({ auth_token: "" }),
      connectLine({ auth_token: "s3cret" }) + connectLine({ auth_token: "other" }),
    ]) {
      const client = new MemoryClient(router);
      expect(client.send(attempt)).toBe("-ERR 'Authorization Violation'\r\n");
      expect([client.ended, client.send("PING\r\n")]).toEqual([true, ""]);
    }
    const client = new MemoryClient(router);
    expect(client.send(`${connectLine({ auth_token: "s3cret" })}PING\r\n`)).toBe("PONG\r\n");
  });

  it("delivers to itself unless it asked not to", () => {
    const router = memoryRouter();
    const [self, other] = [new MemoryClient(router), new MemoryClient(router)];
    self.send(`${connectLine({ echo: false })}SUB a 1\r\nSUB a q 2\r\n`);
    other.send(`${connectLine()}SUB a 9\r\n`);
    expect(self.send("PUB a 1\r\nx\r\n")).toBe("");
    expect(other.take()).toBe("MSG a 9 1\r\nx\r\n");
    expect(other.send("PUB a 1\r\ny\r\n")).toBe("MSG a 9 1\r\ny\r\n");
    expect(self.take()).toBe("MSG a 1 1\r\ny\r\nMSG a 2 1\r\ny\r\n");
  });

  it("keeps the first subscription of an id, and ignores an unknown one", () => {
    const client = new MemoryClient(memoryRouter());
    client.send(`${connectLine()}SUB a 1\r\nSUB b 1\r\nUNSUB 99\r\nUNSUB 99 5\r\n`);
    expect(client.send("PUB a 1\r\na\r\nPUB b 1\r\nb\r\n")).toBe("MSG a 1 1\r\na\r\n");
  });

  it.each([
    ["", "PUB a 1\r\n1\r\n".repeat(2), 0],
    ["2", "PUB a 1\r\n1\r\n".repeat(3), 2],
    ["x", "PUB a 1\r\n1\r\n", 0],
    ["-5", "PUB a 1\r\n1\r\n", 0],
    ["0", "PUB a 1\r\n1\r\n", 0],
    ["9999999999", "PUB a 1\r\n1\r\n", 0],
  ])("UNSUB 1 %s", (max, publications, deliveries) => {
    const router = memoryRouter();
    const client = new MemoryClient(router);
    client.send(`${connectLine()}SUB a 1\r\nUNSUB 1 ${max}\r\n`);
    expect(client.send(publications)).toBe("MSG a 1 1\r\n1\r\n".repeat(deliveries));
    expect(router.subscriptions).toBe(0);
  });

  it("counts a maximum from the subscription's beginning", () => {
    const client = new MemoryClient(memoryRouter());
    client.send(`${connectLine()}SUB a 1\r\nPUB a 0\r\n\r\nPUB a 0\r\n\r\nUNSUB 1 3\r\n`);
    expect(client.send("PUB a 0\r\n\r\nPUB a 0\r\n\r\n")).toBe("MSG a 1 0\r\n\r\n");
    client.send("SUB b 2\r\nPUB b 0\r\n\r\nUNSUB 2 1\r\n");
    expect(client.send("PUB b 0\r\n\r\n")).toBe("");
  });

  it("refuses subscriptions it cannot take, and goes on", () => {
    const router = memoryRouter({ maxSubscriptions: 2, maxSubscriptionTokens: 3 });
    const client = new MemoryClient(router);
    client.send(connectLine());
    for (const subject of ["a..b", ".a", "a.", "a.>.b"]) {
      expect(client.send(`SUB ${subject} 1\r\nPING\r\n`)).toBe(
        "-ERR 'Invalid Subject'\r\nPONG\r\n",
      );
    }
    expect(client.send("SUB a.b.c.d 1\r\n")).toBe(
      `-ERR 'Permissions Violation for Subscription to "a.b.c.d", too many tokens'\r\n`,
    );
    expect(client.send("SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nPUB c 0\r\n\r\nPUB a 0\r\n\r\n")).toBe(
      "-ERR 'maximum subscriptions exceeded'\r\nMSG a 1 0\r\n\r\n",
    );
  });

  it("tells a pedantic publisher of a bad subject, and publishes all the same", () => {
    const client = new MemoryClient(memoryRouter());
    client.send(`${connectLine({ pedantic: true })}SUB foo.> 1\r\n`);
    expect(client.send("PUB foo.* 0\r\n\r\nPUB foo..bar 0\r\n\r\n")).toBe(
      "-ERR 'Invalid Publish Subject'\r\nMSG foo.* 1 0\r\n\r\n-ERR 'Invalid Publish Subject'\r\n",
    );
  });

  it("strips the headers for a client that cannot take them", () => {
    const router = memoryRouter();
    const [modern, old] = [new MemoryClient(router), new MemoryClient(router)];
    modern.send(`${connectLine()}SUB a 1\r\n`);
    old.send(`${connectLine({ headers: false, no_responders: false })}SUB a 2\r\n`);
    const message = "HPUB a r 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n";
    expect(modern.send(message)).toBe(message.replace("HPUB a r", "HMSG a 1 r"));
    expect(old.take()).toBe("MSG a 2 r 2\r\nhi\r\n");
  });

  it("answers a request nobody serves, once, on one of the requester's own subscriptions", () => {
    const router = memoryRouter();
    const [client, other] = [new MemoryClient(router), new MemoryClient(router)];
    const status = (reply: string, sid: number, subject: string): string => {
      const headers = `NATS/1.0 503\r\nNats-Subject: ${subject}\r\n\r\n`;
      return `HMSG ${reply} ${sid} ${headers.length} ${headers.length}\r\n${headers}\r\n`;
    };
    other.send(`${connectLine()}SUB r.* 7\r\n`);
    client.send(`${connectLine()}SUB r.* 1\r\nSUB q g 2\r\n`);
    expect(client.send("PUB none r.1 2\r\nhi\r\n")).toBe(status("r.1", 1, "none"));
    expect(client.send("PUB no..ne r.1 0\r\n\r\n")).toBe(status("r.1", 1, "no..ne"));
    // Neither in a queue group, nor without a reply, nor to somebody else.
    expect(client.send("PUB none q 0\r\n\r\nPUB none 0\r\n\r\n")).toBe("");
    expect(other.take()).toBe("");
    client.send('CONNECT {"no_responders":false}\r\n');
    expect(client.send("PUB none r.1 0\r\n\r\n")).toBe("");
  });
});

describe("the clock", () => {
  const limits = { pingIntervalMs: 100, pingMax: 2, authTimeoutMs: 50, writeDeadlineMs: 500 };

  it("pings a silent client, and cuts it off after two pings without an answer", () => {
    const router = memoryRouter(limits);
    const client = new MemoryClient(router);
    client.send(connectLine());
    const heard: string[] = [];
    for (const now of [99, 100, 150, 199, 200, 299, 300]) {
      router.tick(now);
      heard.push(`${now} ${client.take().trim()}`.trim());
    }
    expect(heard).toEqual([
      "99",
      "100 PING",
      "150",
      "199",
      "200 PING",
      "299",
      "300 -ERR 'Stale Connection'",
    ]);
    expect(client.ended).toBe(true);
  });

  it("leaves alone a client that answers, or sends anything", () => {
    const router = memoryRouter(limits);
    const [answering, talking] = [new MemoryClient(router), new MemoryClient(router)];
    for (let now = 50; now < 5_000; now += 50) {
      router.tick(now);
      if (answering.take().includes("PING")) answering.send("PONG\r\n");
      talking.send(connectLine());
      expect(talking.take()).toBe("");
    }
    expect([answering.ended, talking.ended]).toEqual([false, false]);
  });

  it("waits for CONNECT only as long as it says when there is a token", () => {
    const router = memoryRouter(limits, { token: "t" });
    const [silent, connected] = [new MemoryClient(router), new MemoryClient(router)];
    silent.send("CONNECT {");
    connected.send(connectLine({ auth_token: "t" }));
    router.tick(49);
    expect(silent.take()).toBe("");
    router.tick(50);
    expect([silent.take(), connected.take()]).toEqual(["-ERR 'Authentication Timeout'\r\n", ""]);
  });

  it("drops a client that neither takes its last bytes nor closes", () => {
    const router = memoryRouter(limits);
    const client = new MemoryClient(router);
    client.reading = false;
    client.send("nonsense");
    router.tick(999);
    expect(client.destroyed).toBe(false);
    router.tick(1_000);
    expect([client.destroyed, router.sessions.size, router.output.pendingBytes]).toEqual([
      true,
      0,
      0,
    ]);
  });
});

import { readFileSync } from "node:fs";
import { headers, type Msg } from "@nats-io/nats-core";
import { type NatsBench, type NatsCase, numbers, takeText } from "./nats-case.ts";

const suite = JSON.parse(
  readFileSync(new URL("../suites/nats/subject-cases.json", import.meta.url), "utf8"),
) as { match_literal: { subject: string; pattern: string; match: boolean }[] };

/** Publish and subscribe, without a reply. */
export const deliveryCases: readonly NatsCase[] = [
  {
    name: "1,000 messages arrive once and in order",
    expected: numbers(1_000),
    run: async (bench) => {
      const [publisher, consumer] = await pair(bench);
      const messages = consumer.subscribe("order");
      await consumer.flush();
      for (const text of numbers(1_000)) publisher.publish("order", text);
      return await takeText(messages, 1_000);
    },
  },
  {
    name: "each subscription of nats-server's own table gets the subjects it matches",
    expected: suite.match_literal.map(({ match }) => match),
    run: async (bench) => {
      const [publisher, consumer] = await pair(bench);
      const matched: boolean[] = [];
      for (const { subject, pattern } of suite.match_literal) {
        const messages = consumer.subscribe(`table.${pattern}`);
        await consumer.flush();
        publisher.publish(`table.${subject}`);
        await publisher.flush();
        await consumer.flush();
        matched.push(messages.getReceived() === 1);
        messages.unsubscribe();
      }
      return matched;
    },
  },
  {
    name: "overlapping subscriptions of one client each get their copy",
    expected: [2, 3, 4, 2, 2],
    run: async (bench) => {
      const client = await bench.connect();
      const patterns = ["over.lap", "over.*", "over.>", "*.lap", "over.lap"];
      const subscriptions = patterns.map((pattern) => client.subscribe(pattern));
      for (const subject of ["over.lap", "over.lap", "over.there", "over.the.top", "overlap"]) {
        client.publish(subject);
      }
      await client.flush();
      return subscriptions.map((subscription) => subscription.getReceived());
    },
  },
  {
    name: "a queue group gets each message once, its members share them, others get all",
    expected: { once: true, everyMember: true, otherGroup: 300, plain: 300 },
    run: async (bench) => {
      const members = await Promise.all([1, 2, 3].map(() => bench.connect()));
      const workers = members.map((member) => member.subscribe("work.>", { queue: "workers" }));
      const [publisher, other] = await pair(bench);
      const otherGroup = other.subscribe("work.*", { queue: "others" });
      const plain = other.subscribe("*.item");
      await Promise.all([...members, other].map((client) => client.flush()));
      for (const text of numbers(300)) publisher.publish("work.item", text);
      await publisher.flush();
      await Promise.all([...members, other].map((client) => client.flush()));
      const shares = workers.map((worker) => worker.getReceived());
      const texts = await Promise.all(
        workers.map((worker, index) => takeText(worker, shares[index] ?? 0)),
      );
      return {
        once: same(texts.flat(), numbers(300)),
        everyMember: shares.every((share) => share > 0),
        otherGroup: otherGroup.getReceived(),
        plain: plain.getReceived(),
      };
    },
  },
  {
    name: "a queue group goes on with the members that are left",
    expected: numbers(50),
    run: async (bench) => {
      const [publisher, first] = await pair(bench);
      const second = await bench.connect();
      first.subscribe("shift", { queue: "q" });
      const left = second.subscribe("shift", { queue: "q" });
      await Promise.all([first.flush(), second.flush()]);
      await first.close();
      await publisher.flush();
      for (const text of numbers(50)) publisher.publish("shift", text);
      return await takeText(left, 50);
    },
  },
  {
    name: "headers and payload arrive as they were sent",
    expected: {
      reply: "where.to",
      one: "1",
      many: ["a", "b"],
      colon: "x:y",
      data: [0, 13, 10, 255, 13, 10],
    },
    run: async (bench) => {
      const [publisher, consumer] = await pair(bench);
      const messages = consumer.subscribe("headers");
      await consumer.flush();
      const block = headers();
      block.set("One", "1");
      block.append("Many", "a");
      block.append("Many", "b");
      block.set("Colon", "x:y");
      publisher.publish("headers", new Uint8Array([0, 13, 10, 255, 13, 10]), {
        headers: block,
        reply: "where.to",
      });
      const message = await first(messages);
      return {
        reply: message.reply,
        one: message.headers?.get("One"),
        many: message.headers?.values("Many"),
        colon: message.headers?.get("Colon"),
        data: [...message.data],
      };
    },
  },
  {
    name: "payloads of every size up to the largest arrive whole",
    expected: [0, 1, 2, 4_095, 4_096, 65_535, 65_536, 1_048_575, 1_048_576].map((size) => [
      size,
      true,
    ]),
    run: async (bench) => {
      const [publisher, consumer] = await pair(bench);
      const messages = consumer.subscribe("sizes")[Symbol.asyncIterator]();
      await consumer.flush();
      const outcome: [number, boolean][] = [];
      for (const size of [0, 1, 2, 4_095, 4_096, 65_535, 65_536, 1_048_575, 1_048_576]) {
        const sent = Buffer.alloc(size, "0123456789\r\nPUB x 1\r\n");
        publisher.publish("sizes", sent);
        const { value } = await messages.next();
        outcome.push([size, Buffer.compare(sent, (value as Msg).data) === 0]);
      }
      return outcome;
    },
  },
  {
    name: "a client that wants no echo does not hear itself",
    expected: { self: 0, other: 1 },
    run: async (bench) => {
      const client = await bench.connect({ noEcho: true });
      const other = await bench.connect();
      const [own, others] = [client.subscribe("echo"), other.subscribe("echo")];
      await other.flush();
      client.publish("echo");
      await client.flush();
      await other.flush();
      return { self: own.getReceived(), other: others.getReceived() };
    },
  },
  {
    name: "5,000 subscriptions of one client are told apart",
    expected: { received: 5_000, afterUnsubscribing: 2_500 },
    run: async (bench) => {
      const [publisher, consumer] = await pair(bench);
      let received = 0;
      const callback = (): void => {
        received += 1;
      };
      const all = numbers(5_000).map((id) => consumer.subscribe(`many.${id}.*`, { callback }));
      const publishAll = async (): Promise<number> => {
        await consumer.flush();
        received = 0;
        for (const id of numbers(5_000)) publisher.publish(`many.${id}.x`);
        await publisher.flush();
        await consumer.flush();
        return received;
      };
      const before = await publishAll();
      all.forEach((subscription, index) => {
        if (index % 2 === 0) subscription.unsubscribe();
      });
      return { received: before, afterUnsubscribing: await publishAll() };
    },
  },
  {
    name: "subjects of any script keep their bytes",
    expected: ["données.température", "数据.温度", "🧪.*"],
    run: async (bench) => {
      const [publisher, consumer] = await pair(bench);
      const messages = consumer.subscribe("utf.>");
      await consumer.flush();
      for (const subject of ["données.température", "数据.温度", "🧪.*"]) {
        publisher.publish(`utf.${subject}`);
      }
      const subjects: string[] = [];
      for await (const { subject } of messages) {
        subjects.push(subject.slice("utf.".length));
        if (subjects.length === 3) break;
      }
      return subjects;
    },
  },
  {
    name: "flush returns once everything published before it has been passed on",
    expected: [500, 500, 500],
    run: async (bench) => {
      const [publisher, consumer] = await pair(bench);
      const counts: number[] = [];
      for (let round = 0; round < 3; round += 1) {
        const messages = consumer.subscribe(`flush.${round}`);
        await consumer.flush();
        for (const text of numbers(500)) publisher.publish(`flush.${round}`, text);
        await publisher.flush();
        await consumer.flush();
        counts.push(messages.getReceived());
      }
      return counts;
    },
  },
];

async function pair(
  bench: NatsBench,
): Promise<[Awaited<ReturnType<NatsBench["connect"]>>, Awaited<ReturnType<NatsBench["connect"]>>]> {
  return [await bench.connect(), await bench.connect()];
}

async function first(messages: AsyncIterable<Msg>): Promise<Msg> {
  for await (const message of messages) return message;
  throw new Error("the subscription ended before a message came");
}

function same(found: readonly string[], expected: readonly string[]): boolean {
  const order = (texts: readonly string[]): string => JSON.stringify([...texts].sort());
  return order(found) === order(expected);
}

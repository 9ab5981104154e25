import { headers, type RequestManyOptions } from "@nats-io/nats-core";
import { failureOf, type NatsBench, type NatsCase, numbers, takeText } from "./nats-case.ts";

/** Request and reply, and the ways in which a subscription ends. */
export const requestCases: readonly NatsCase[] = [
  {
    name: "200 requests at once each get their own reply",
    expected: { mux: numbers(200), noMux: numbers(200) },
    run: async (bench) => {
      const service = await bench.connect();
      service.subscribe("req.echo", {
        callback: (_, message) => void message.respond(message.data),
      });
      await service.flush();
      const client = await bench.connect();
      const all = (noMux: boolean): Promise<string[]> =>
        Promise.all(
          numbers(200).map(async (text) =>
            (await client.request("req.echo", text, { timeout: 20_000, noMux })).string(),
          ),
        );
      return { mux: await all(false), noMux: await all(true) };
    },
  },
  {
    name: "a reply carries headers, and a request through a queue group is served once",
    expected: { text: "done", status: "fine", served: 1 },
    run: async (bench) => {
      const services = await Promise.all([bench.connect(), bench.connect()]);
      let served = 0;
      for (const service of services) {
        service.subscribe("req.queue", {
          queue: "services",
          callback: (_, message) => {
            served += 1;
            const block = headers();
            block.set("Status", "fine");
            message.respond("done", { headers: block });
          },
        });
        await service.flush();
      }
      const client = await bench.connect();
      const reply = await client.request("req.queue", "", { timeout: 20_000 });
      await Promise.all(services.map((service) => service.flush()));
      return { text: reply.string(), status: reply.headers?.get("Status"), served };
    },
  },
  {
    name: "a request nobody serves fails at once, and one nobody answers after its time",
    expected: {
      nobody: "RequestError: no responders: 'req.nobody'",
      nobodyNoMux: "RequestError: no responders: 'req.nobody'",
      silent: "TimeoutError: timeout",
    },
    run: async (bench) => {
      const client = await bench.connect();
      const service = await bench.connect();
      service.subscribe("req.silent");
      await service.flush();
      return {
        nobody: await failureOf(() => client.request("req.nobody", "", { timeout: 60_000 })),
        nobodyNoMux: await failureOf(() =>
          client.request("req.nobody", "", { timeout: 60_000, noMux: true }),
        ),
        silent: await failureOf(() => client.request("req.silent", "", { timeout: 50 })),
      };
    },
  },
  {
    name: "a request for many replies ends by count, by a sentinel, and by a stall",
    expected: {
      count: ["0", "1", "2"],
      sentinel: numbers(5),
      stall: numbers(5),
      nobody: "NoResponders: no responders: 'req.none'",
    },
    run: async (bench) => {
      const service = await bench.connect();
      service.subscribe("req.many", {
        callback: (_, message) => {
          for (const text of numbers(5)) message.respond(text);
          message.respond("");
        },
      });
      await service.flush();
      const client = await bench.connect();
      const many = async (
        options: Partial<RequestManyOptions>,
        subject = "req.many",
      ): Promise<string[]> => {
        const texts: string[] = [];
        const replies = await client.requestMany(subject, "", { maxWait: 20_000, ...options });
        for await (const reply of replies) texts.push(reply.string());
        return texts.filter((text) => text !== "");
      };
      return {
        count: await many({ strategy: "count", maxMessages: 3 }),
        sentinel: await many({ strategy: "sentinel" }),
        stall: await many({ strategy: "stall", stall: 500 }),
        nobody: await failureOf(() => many({ strategy: "sentinel" }, "req.none")),
      };
    },
  },
  {
    name: "a subscription ends by itself after its maximum",
    expected: { texts: numbers(5), closed: true, laterMax: ["0", "1"], alreadyReached: 3 },
    run: async (bench) => {
      const [publisher, consumer] = await pair(bench);
      const limited = consumer.subscribe("max.set", { max: 5 });
      const later = consumer.subscribe("max.later");
      later.unsubscribe(2);
      const reached = consumer.subscribe("max.reached");
      await consumer.flush();
      const publish = async (subject: string, count: number): Promise<void> => {
        for (const text of numbers(count)) publisher.publish(subject, text);
        await publisher.flush();
        await consumer.flush();
      };
      await publish("max.set", 10);
      await publish("max.later", 10);
      await publish("max.reached", 3);
      reached.unsubscribe(2);
      await consumer.flush();
      await publish("max.reached", 3);
      const texts: string[] = [];
      for await (const message of limited) texts.push(message.string());
      return {
        texts,
        closed: limited.isClosed(),
        laterMax: await takeText(later, 2),
        alreadyReached: reached.getReceived(),
      };
    },
  },
  {
    name: "after unsubscribing nothing more is delivered",
    expected: { before: 10, after: 10 },
    run: async (bench) => {
      const [publisher, consumer] = await pair(bench);
      const messages = consumer.subscribe("stop");
      await consumer.flush();
      const publish = async (): Promise<number> => {
        for (const text of numbers(10)) publisher.publish("stop", text);
        await publisher.flush();
        await consumer.flush();
        return messages.getReceived();
      };
      const before = await publish();
      messages.unsubscribe();
      return { before, after: await publish() };
    },
  },
  {
    name: "draining a subscription hands out what is on its way and takes no more",
    expected: { texts: numbers(100), other: 200 },
    run: async (bench) => {
      const [publisher, consumer] = await pair(bench);
      const draining = consumer.subscribe("drain.one");
      const other = consumer.subscribe("drain.*");
      await consumer.flush();
      for (const text of numbers(100)) publisher.publish("drain.one", text);
      await publisher.flush();
      const drained = draining.drain();
      const texts: string[] = [];
      for await (const message of draining) texts.push(message.string());
      await drained;
      for (const text of numbers(100)) publisher.publish("drain.one", text);
      await publisher.flush();
      await consumer.flush();
      return { texts, other: other.getReceived() };
    },
  },
  {
    name: "draining a connection finishes its work, sends its replies and closes it",
    expected: {
      served: 50,
      replies: numbers(50),
      closed: true,
      afterwards: "ClosedConnectionError: closed connection",
    },
    run: async (bench) => {
      const [client, service] = await pair(bench);
      let served = 0;
      service.subscribe("drain.service", {
        callback: (_, message) => {
          served += 1;
          message.respond(message.data);
        },
      });
      await service.flush();
      const replies = numbers(50).map(async (text) =>
        (await client.request("drain.service", text, { timeout: 20_000 })).string(),
      );
      await client.flush();
      await service.drain();
      return {
        served,
        replies: await Promise.all(replies),
        closed: service.isClosed(),
        afterwards: await failureOf(() => service.publish("drain.service")),
      };
    },
  },
];

async function pair(
  bench: NatsBench,
): Promise<[Awaited<ReturnType<NatsBench["connect"]>>, Awaited<ReturnType<NatsBench["connect"]>>]> {
  return [await bench.connect(), await bench.connect()];
}

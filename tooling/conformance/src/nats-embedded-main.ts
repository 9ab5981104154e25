import { NatsBroker, type NatsBrokerOptions } from "@gaiaftcl/nats-broker";

// The embedded broker as a program, so that it can be killed like one.
const broker = await NatsBroker.listen(JSON.parse(process.argv[2] ?? "{}") as NatsBrokerOptions);
console.error(`Listening for client connections on ${broker.host}:${broker.port}`);

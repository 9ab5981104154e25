import { NatsBroker } from "@gaiaftcl/nats-broker";

// The embedded broker in a process of its own, so that it and nats-server meet the same clients.
const broker = await NatsBroker.listen();
console.log(broker.url);
process.once("SIGTERM", () => void broker.close());

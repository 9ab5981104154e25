export { freePort, freeUdpPort } from "./free-port.ts";
export { LinePeer } from "./line-peer.ts";
export { type Exit, Program } from "./program.ts";
export { NatsServer, RedisServer } from "./server.ts";
export { until } from "./until.ts";

export { type Broker, type BrokerUrls, brokerFor, brokersFor, brokerUrls } from "./brokers.js";
export { CellLayoutError, type CellLayoutErrorCode } from "./cell-layout-error.js";
export { type CellLayout, cellLayout, type HostEnvironment } from "./layout.js";
export { checkSocketPathLength, type SocketPathLength } from "./socket-path.js";

export { type Cancellable, ControlClient } from "./control-client.js";
export type {
  FoundNode,
  NatResult,
  NodeEntry,
  NodeStatus,
  PublishResult,
} from "./control-protocol.js";
export { ControlServer, type ControlServerOptions } from "./control-server.js";
export { ensureNoneRuns } from "./control-socket.js";
export { NetControlError, type NetControlErrorCode } from "./net-control-error.js";
export { formatNodeId, parseNodeId } from "./node-id-text.js";
export { createNodeKeys, loadNodeKeys, type NodeKeys } from "./node-keys.js";
export { nodeTicket, type TicketSource } from "./node-ticket.js";
export { formatTicket, parseTicket, type Ticket } from "./ticket.js";

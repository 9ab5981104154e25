export type { EndpointReliability, NetEndpointOptions } from "./adapter/endpoint-options.js";
export { NetEndpoint, type NetEndpointStats } from "./adapter/net-endpoint.js";

import { randomInt } from "node:crypto";
import { isReachableFromOutside } from "./external-address.js";
import { type GatewaySearch, searchGateway } from "./gateway-search.js";
import { exchangeHttp } from "./http-exchange.js";
import { textOf } from "./plain-xml.js";
import {
  failed,
  type MappingOutcome,
  type MappingRequest,
  type PortMapper,
} from "./port-mapper.js";
import {
  type ActionReply,
  actionRequest,
  type ConnectionService,
  connectionService,
  readActionReply,
  wholeNumber,
} from "./upnp-messages.js";

const ACTION_MS = 2000;
const DESCRIPTION = "cyberdeck-mesh";
const MAX_PORT = 0xffff;
const LOWEST_CHOSEN_PORT = 1024;
/** Error of AddPortMapping: another machine has that external port. */
const CONFLICT = 718;
const PORTS_TRIED = 3;

interface Gateway {
  readonly service: ConnectionService;
  /** The address of this machine on the gateway's network. */
  readonly client: string;
}

/** UPnP Internet Gateway Device, versions 1 and 2, with the gateway that answers a search. */
export class UpnpMapper implements PortMapper {
  readonly protocol = "upnp";
  readonly #search: GatewaySearch;
  #gateway: Gateway | undefined;
  #mayBeMapped: number | undefined;

  constructor(search: GatewaySearch) {
    this.#search = search;
  }

  async map(request: MappingRequest, signal: AbortSignal): Promise<MappingOutcome> {
    this.#gateway ??= await this.#find(signal);
    const gateway = this.#gateway;
    if (gateway === undefined) {
      return failed("no gateway found");
    }
    const reply = await this.#act(gateway, "GetExternalIPAddress", {}, signal);
    if (!reply.ok) {
      return failed(reply.reason);
    }
    const address = textOf(reply.body, "NewExternalIPAddress") ?? "";
    if (!isReachableFromOutside(address)) {
      return failed("the gateway's own address is not a public one");
    }
    const mapped = await this.#add(gateway, request, signal);
    if (typeof mapped === "string") {
      return failed(mapped);
    }
    return {
      ok: true,
      mapping: {
        externalAddress: `${address}:${mapped}`,
        externalPort: mapped,
        lifetimeSeconds: request.lifetimeSeconds,
      },
    };
  }

  async unmap(): Promise<void> {
    const port = this.#mayBeMapped;
    if (port !== undefined && this.#gateway !== undefined) {
      this.#mayBeMapped = undefined;
      await this.#act(this.#gateway, "DeletePortMapping", {
        NewRemoteHost: "",
        NewExternalPort: port,
        NewProtocol: "UDP",
      });
    }
  }

  async #find(signal: AbortSignal): Promise<Gateway | undefined> {
    const location = await searchGateway(this.#search, signal);
    if (location === undefined) {
      return undefined;
    }
    const answer = await exchangeHttp({
      url: location,
      method: "GET",
      from: this.#search.from,
      timeoutMs: ACTION_MS,
      signal,
    });
    const service = answer?.status === 200 ? connectionService(answer.body, location) : undefined;
    return answer === undefined || service === undefined
      ? undefined
      : { service, client: answer.localAddress };
  }

  /** The external port, or why there is none. */
  async #add(
    gateway: Gateway,
    request: MappingRequest,
    signal: AbortSignal,
  ): Promise<number | string> {
    const any = await this.#addOne(gateway, "AddAnyPortMapping", request, signal);
    if (any.ok) {
      const port = wholeNumber(textOf(any.body, "NewReservedPort"), MAX_PORT) ?? 0;
      if (port === 0) {
        return "AddAnyPortMapping named no port";
      }
      this.#mayBeMapped = port;
      return port;
    }
    // Version 1 gateways lack the action that chooses a free port: the ports are tried from here.
    let { externalPort } = request;
    let reason = "";
    for (let tried = 0; tried < PORTS_TRIED && !signal.aborted; tried += 1) {
      const one = await this.#addOne(
        gateway,
        "AddPortMapping",
        { ...request, externalPort },
        signal,
      );
      if (one.ok) {
        return externalPort;
      }
      reason = one.reason;
      if (one.code !== CONFLICT) {
        break;
      }
      externalPort = randomInt(LOWEST_CHOSEN_PORT, MAX_PORT + 1);
    }
    return reason;
  }

  async #addOne(
    gateway: Gateway,
    action: "AddAnyPortMapping" | "AddPortMapping",
    { internalPort, externalPort, lifetimeSeconds }: MappingRequest,
    signal: AbortSignal,
  ): Promise<ActionReply> {
    const before = this.#mayBeMapped;
    this.#mayBeMapped = externalPort;
    const values = {
      NewRemoteHost: "",
      NewExternalPort: externalPort,
      NewProtocol: "UDP",
      NewInternalPort: internalPort,
      NewInternalClient: gateway.client,
      NewEnabled: 1,
      NewPortMappingDescription: DESCRIPTION,
      NewLeaseDuration: lifetimeSeconds,
    };
    const reply = await this.#act(gateway, action, values, signal);
    if (!reply.ok && reply.code !== undefined) {
      // Refused for certain: that port is somebody else's, and not this node's to delete.
      this.#mayBeMapped = before;
    }
    return reply;
  }

  async #act(
    { service }: Gateway,
    action: string,
    values: Readonly<Record<string, string | number>>,
    signal?: AbortSignal,
  ): Promise<ActionReply> {
    const answer = await exchangeHttp({
      url: service.controlUrl,
      method: "POST",
      ...actionRequest(service.type, action, values),
      from: this.#search.from,
      timeoutMs: ACTION_MS,
      ...(signal === undefined ? {} : { signal }),
    });
    return answer === undefined
      ? { ok: false, code: undefined, reason: `${action}: no answer` }
      : readActionReply(action, answer.status, answer.body);
  }
}

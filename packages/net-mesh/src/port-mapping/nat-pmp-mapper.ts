import { isReachableFromOutside } from "./external-address.js";
import {
  externalAddressRequest,
  mapUdpRequest,
  type NatPmpReply,
  readExternalAddress,
  readMapUdp,
} from "./nat-pmp-codec.js";
import {
  failed,
  type MappingOutcome,
  type MappingRequest,
  type PortMapper,
} from "./port-mapper.js";
import { askOverUdp } from "./udp-question.js";

/** RFC 6886, section 3.1, repeats after 250 ms and twice that, within the second an answer may take. */
const REPEAT_AFTER_MS = [250, 750];
const ANSWER_MS = 1000;

export interface NatPmpGateway {
  readonly ip: string;
  readonly port: number;
  /** The address of this machine that is to be mapped; the system's choice when left out. */
  readonly from: string | undefined;
}

/** NAT-PMP (RFC 6886) with one gateway; datagrams of anybody else are not looked at. */
export class NatPmpMapper implements PortMapper {
  readonly protocol = "nat-pmp";
  readonly #gateway: NatPmpGateway;
  #mayBeMapped: number | undefined;

  constructor(gateway: NatPmpGateway) {
    this.#gateway = gateway;
  }

  async map(request: MappingRequest, signal: AbortSignal): Promise<MappingOutcome> {
    const address = await this.#ask(externalAddressRequest(), readExternalAddress, signal);
    if (address?.ok !== true) {
      return failed(address === undefined ? "no answer" : `refused: ${address.reason}`);
    }
    if (!isReachableFromOutside(address.value)) {
      return failed(`the gateway's own address, ${address.value}, is not a public one`);
    }
    const { internalPort } = request;
    this.#mayBeMapped = internalPort;
    const reply = await this.#ask(
      mapUdpRequest(request),
      (datagram) => {
        const read = readMapUdp(datagram);
        return read?.ok === true && read.value.internalPort !== internalPort ? undefined : read;
      },
      signal,
    );
    if (reply?.ok !== true) {
      return failed(reply === undefined ? "no answer" : `refused: ${reply.reason}`);
    }
    const { externalPort, lifetimeSeconds } = reply.value;
    if (externalPort === 0 || lifetimeSeconds === 0) {
      return failed(`mapped to port ${externalPort} for ${lifetimeSeconds} s`);
    }
    return {
      ok: true,
      mapping: {
        externalAddress: `${address.value}:${externalPort}`,
        externalPort,
        lifetimeSeconds: Math.min(lifetimeSeconds, request.lifetimeSeconds),
      },
    };
  }

  async unmap(): Promise<void> {
    const internalPort = this.#mayBeMapped;
    if (internalPort !== undefined) {
      this.#mayBeMapped = undefined;
      await this.#ask(
        mapUdpRequest({ internalPort, externalPort: 0, lifetimeSeconds: 0 }),
        readMapUdp,
      );
    }
  }

  async #ask<T>(
    request: Uint8Array,
    read: (datagram: Uint8Array) => NatPmpReply<T> | undefined,
    signal?: AbortSignal,
  ): Promise<NatPmpReply<T> | undefined> {
    const gateway = this.#gateway;
    return askOverUdp({
      to: gateway,
      from: gateway.from,
      datagrams: [request],
      repeatAfterMs: REPEAT_AFTER_MS,
      timeoutMs: ANSWER_MS,
      read: (datagram, ip, port) =>
        ip === gateway.ip && port === gateway.port ? read(datagram) : undefined,
      ...(signal === undefined ? {} : { signal }),
    });
  }
}

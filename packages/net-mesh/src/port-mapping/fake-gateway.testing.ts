import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export const HERE = "127.0.0.1";

/** A UDP server on loopback that answers each datagram with what `answer` gives. */
export class FakeUdpServer implements AsyncDisposable {
  readonly port: number;
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.port = socket.address().port;
  }

  static async start(
    answer: (datagram: Buffer, port: number) => readonly (Uint8Array | string)[],
  ): Promise<FakeUdpServer> {
    const socket = createSocket("udp4");
    socket.bind(0, HERE);
    await once(socket, "listening");
    socket.on("message", (datagram, { port }) => {
      for (const reply of answer(datagram, port)) {
        socket.send(reply, port, HERE);
      }
    });
    return new FakeUdpServer(socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#socket, "close");
    this.#socket.close();
    await closed;
  }
}

/** A NAT-PMP gateway that keeps what it mapped: internal port to external port. */
export class FakeNatPmpGateway implements AsyncDisposable {
  readonly mapped: Map<number, number> = new Map();
  externalAddress: readonly number[] = [1, 2, 3, 4];
  lifetimeSeconds: number | undefined;
  isSilent = false;
  result = 0;
  #server: FakeUdpServer | undefined;

  static async start(): Promise<FakeNatPmpGateway> {
    const gateway = new FakeNatPmpGateway();
    gateway.#server = await FakeUdpServer.start((datagram) =>
      gateway.isSilent ? [] : gateway.#answer(datagram),
    );
    return gateway;
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
  }

  #answer(request: Buffer): Uint8Array[] {
    if (request[1] === 0) {
      const reply = Buffer.from([0, 128, 0, this.result, 0, 0, 0, 1, ...this.externalAddress]);
      return [reply];
    }
    const internal = request.readUInt16BE(4);
    const lifetime = request.readUInt32BE(8);
    const external = lifetime === 0 ? 0 : (this.mapped.get(internal) ?? internal ^ 1);
    if (lifetime === 0) {
      this.mapped.delete(internal);
    } else {
      this.mapped.set(internal, external);
    }
    const reply = Buffer.alloc(16);
    reply.writeUInt8(129, 1);
    reply.writeUInt16BE(internal, 8);
    reply.writeUInt16BE(external, 10);
    reply.writeUInt32BE(Math.min(lifetime, this.lifetimeSeconds ?? lifetime), 12);
    return [reply];
  }
}

type Respond = (body: string) => { readonly status?: number; readonly body: string };

/** A UPnP gateway: it answers searches, describes itself, and does actions as told by `actions`. */
export class FakeUpnpGateway implements AsyncDisposable {
  /** What was asked: `GET <path>`, or the action, and its values. */
  readonly asked: { readonly what: string; readonly body: string }[] = [];
  readonly actions: Map<string, Respond> = new Map();
  description: string;
  searchAnswers: readonly string[];
  readonly #http: Server;
  #search: FakeUdpServer | undefined;

  private constructor(http: Server) {
    this.#http = http;
    this.description = description("WANIPConnection:1", "/control");
    this.searchAnswers = [searchAnswer(`${this.origin}/description.xml`)];
    http.on("request", (request, response) => {
      void readBody(request).then((body) => {
        const action = String(request.headers["soapaction"] ?? "").replace(/^.*#|"/gu, "");
        this.asked.push({ what: action === "" ? `GET ${request.url}` : action, body });
        const answer =
          action === ""
            ? { body: this.description }
            : (this.actions.get(action)?.(body) ?? fault(401));
        response.statusCode = "status" in answer ? (answer.status ?? 200) : 200;
        response.end(answer.body);
      });
    });
    this.actions.set("GetExternalIPAddress", () =>
      reply("GetExternalIPAddress", "<NewExternalIPAddress>1.2.3.4</NewExternalIPAddress>"),
    );
    this.actions.set("AddPortMapping", () => reply("AddPortMapping", ""));
    this.actions.set("DeletePortMapping", () => reply("DeletePortMapping", ""));
  }

  static async start(): Promise<FakeUpnpGateway> {
    const http = createServer();
    http.listen(0, HERE);
    await once(http, "listening");
    const gateway = new FakeUpnpGateway(http);
    gateway.#search = await FakeUdpServer.start(() => gateway.searchAnswers);
    return gateway;
  }

  get origin(): string {
    return `http://${HERE}:${(this.#http.address() as AddressInfo).port}`;
  }

  get searchPort(): number {
    return this.#search?.port ?? 0;
  }

  get actionsAsked(): string[] {
    return this.asked.map(({ what }) => what);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#http, "close");
    this.#http.close();
    this.#http.closeAllConnections();
    await closed;
    await this.#search?.[Symbol.asyncDispose]();
  }
}

export function searchAnswer(location: string): string {
  return `HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=60\r\nST: urn:x\r\nLocation: ${location}\r\n\r\n`;
}

export function description(service: string, controlUrl: string): string {
  return `<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><!-- a router -->
  <device><friendlyName>Tom&#39;s &amp; router</friendlyName><deviceList><device><serviceList>
    <service><serviceType>urn:schemas-upnp-org:service:Layer3Forwarding:1</serviceType><controlURL>/l3</controlURL></service>
    <service>
      <serviceType>urn:schemas-upnp-org:service:${service}</serviceType>
      <controlURL>${controlUrl}</controlURL>
    </service>
  </serviceList></device></deviceList></device>
</root>`;
}

export function reply(action: string, values: string): { readonly body: string } {
  return {
    body: `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><u:${action}Response xmlns:u="urn:x">${values}</u:${action}Response></s:Body></s:Envelope>`,
  };
}

export function fault(code: number): { readonly status: number; readonly body: string } {
  return {
    status: 500,
    body: `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><detail><UPnPError><errorCode>${code}</errorCode></UPnPError></detail></s:Fault></s:Body></s:Envelope>`,
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString();
}

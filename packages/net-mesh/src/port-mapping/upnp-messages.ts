import { elementsNamed, escapeXml, readPlainXml, textOf, type XmlElement } from "./plain-xml.js";
import { urlOnHost } from "./url-on-host.js";

/** The service of a gateway that maps ports. */
export interface ConnectionService {
  readonly type: string;
  readonly controlUrl: URL;
}

export type ActionReply =
  | { readonly ok: true; readonly body: XmlElement }
  | { readonly ok: false; readonly reason: string; readonly code: number | undefined };

/** In the order in which they are preferred. */
const SERVICE_TYPES = [
  "urn:schemas-upnp-org:service:WANIPConnection:2",
  "urn:schemas-upnp-org:service:WANIPConnection:1",
  "urn:schemas-upnp-org:service:WANPPPConnection:1",
];

/**
 * Finds the service in a description read from `location`; `undefined` when there is none whose
 * control address is on the same host.
 */
export function connectionService(
  description: string,
  location: URL,
): ConnectionService | undefined {
  const root = readPlainXml(description);
  if (root === undefined) {
    return undefined;
  }
  const host = location.hostname;
  const base = urlOnHost(textOf(root, "URLBase") ?? "", location, host) ?? location;
  const services = elementsNamed(root, "service");
  for (const type of SERVICE_TYPES) {
    for (const service of services) {
      const path = textOf(service, "controlURL");
      const controlUrl = path === undefined ? undefined : urlOnHost(path, base, host);
      if (textOf(service, "serviceType") === type && controlUrl !== undefined) {
        return { type, controlUrl };
      }
    }
  }
  return undefined;
}

export function actionRequest(
  serviceType: string,
  action: string,
  values: Readonly<Record<string, string | number>>,
): { readonly headers: Readonly<Record<string, string>>; readonly body: string } {
  const content = Object.entries(values)
    .map(([name, value]) => `<${name}>${escapeXml(String(value))}</${name}>`)
    .join("");
  return {
    headers: {
      "content-type": 'text/xml; charset="utf-8"',
      soapaction: `"${serviceType}#${action}"`,
    },
    body:
      '<?xml version="1.0"?>\r\n' +
      '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
      's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>' +
      `<u:${action} xmlns:u="${serviceType}">${content}</u:${action}></s:Body></s:Envelope>\r\n`,
  };
}

/** Reads what came back for an action; a fault's text is the gateway's and not repeated. */
export function readActionReply(action: string, status: number, body: string): ActionReply {
  const root = readPlainXml(body);
  const reply = root === undefined ? undefined : elementsNamed(root, `${action}Response`)[0];
  if (status === 200 && reply !== undefined) {
    return { ok: true, body: reply };
  }
  const code = root === undefined ? undefined : wholeNumber(textOf(root, "errorCode"), 999);
  return {
    ok: false,
    code,
    reason: `${action} refused: ${code === undefined ? `status ${status}` : `error ${code}`}`,
  };
}

/** A decimal number from 0 to `most`. */
export function wholeNumber(text: string | undefined, most: number): number | undefined {
  const value = text !== undefined && /^\d{1,9}$/u.test(text) ? Number(text) : most + 1;
  return value <= most ? value : undefined;
}

/**
 * Reads a URL that a gateway gave, and refuses any that leads elsewhere: who answers on the local
 * network must not choose which other machine this one sends requests to.
 *
 * @param host the literal IPv4 address the URL must have
 */
export function urlOnHost(text: string, base: URL | undefined, host: string): URL | undefined {
  if (!URL.canParse(text, base)) {
    return undefined;
  }
  const url = new URL(text, base);
  const isPlain = url.protocol === "http:" && url.username === "" && url.password === "";
  return isPlain && url.hostname === host && url.port !== "0" ? url : undefined;
}

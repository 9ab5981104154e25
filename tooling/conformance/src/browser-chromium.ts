import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, chromium, type Page } from "playwright-core";
import { peerPaths } from "../../bootstrap/peers.mjs";

/** A page in a real browser, with what went wrong in it; closing it ends browser and server. */
export interface ChromiumPage extends AsyncDisposable {
  readonly page: Page;
  readonly version: string;
  readonly errors: readonly string[];
}

/**
 * Opens a page that loads one module, served from the loopback interface, in headless Chromium.
 *
 * @throws RangeError when there is no Chromium; it says how to install one.
 */
export async function openInChromium(code: string): Promise<ChromiumPage> {
  await using stack = new AsyncDisposableStack();
  const server = createServer((request, response) => {
    const script = request.url === "/page.js";
    response.setHeader("content-type", script ? "text/javascript" : "text/html");
    response.end(script ? code : '<!doctype html><script type="module" src="/page.js"></script>');
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  stack.defer(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const browser = stack.adopt(await launch(), (started) => started.close());
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  const { port } = server.address() as AddressInfo;
  await page.goto(`http://127.0.0.1:${port}/`);
  const owned = stack.move();
  return {
    page,
    version: browser.version(),
    errors,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function launch(): Promise<Browser> {
  const { CHROMIUM_PATH: executablePath = peerPaths().chromium } = process.env;
  if (executablePath === undefined || !existsSync(executablePath)) {
    throw new RangeError(
      `expected Chromium, found ${executablePath === undefined ? "none on the PATH" : `nothing at ${executablePath}`}: set CHROMIUM_PATH, or install it so that chromium, chromium-browser or google-chrome is on the PATH (Debian: apt-get install chromium)`,
    );
  }
  // Containers run as root and without user namespaces, where Chromium's sandbox cannot start; the
  // page is ours alone.
  return chromium.launch({ executablePath, headless: true, chromiumSandbox: false });
}

import { expect } from "vitest";
import type { RequestContext } from "./server.js";

/** A request as a peer would write it. */
export function ask(id: string, method = "m", args: unknown = {}): unknown {
  return { request_id: id, method, args };
}

/** What a server says before it hangs up. */
export function reasonOf(code: string): unknown {
  return { accepted: false, reason: expect.stringMatching(new RegExp(`^${code}: `)) };
}

/** A handler whose answers wait until the test gives them. */
export function gate(): {
  readonly contexts: RequestContext[];
  readonly handler: (_: unknown, context: RequestContext) => Promise<{ status: "ok" }>;
  open(): void;
} {
  const contexts: RequestContext[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    contexts,
    handler: async (_, context) => {
      contexts.push(context);
      await promise;
      return { status: "ok" };
    },
    open: resolve,
  };
}

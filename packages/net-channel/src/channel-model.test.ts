import { channelHash, type PermissionToken, SCOPE } from "@gaiaftcl/net-identity";
import fc from "fast-check";
import { expect, it } from "vitest";
import { identityOf, publisher, stranger, subscriber, TestHost, tokenOf } from "./host.testing.js";
import type { MembershipReason } from "./membership-message.js";

// The rules once more, as plainly as the format states them (Net identity format, sections 7.2 to
// 7.4), beside the package: whatever happens, both must say the same.

const nodes = [subscriber, stranger, identityOf(4)];
const channels = ["gated", "able"];
const tokens: readonly PermissionToken[] = nodes.flatMap((node) =>
  [SCOPE.subscribe, SCOPE.publish, SCOPE.subscribe | SCOPE.wildcard].flatMap((scope) =>
    [20n, 200n].map((seconds) =>
      tokenOf(publisher, node, {
        scope,
        channelHash: channelHash("gated"),
        notAfter: 1_795_213_322n + seconds,
      }),
    ),
  ),
);

interface Rules {
  requireToken: boolean;
  subscribeCaps: boolean;
  local: boolean;
}

interface Place {
  proof: PermissionToken | undefined;
  admitted: boolean;
}

class Model {
  readonly rules = new Map<string, Rules>();
  readonly able = new Set<number>();
  readonly met = new Set<number>();
  readonly hidden = new Set<number>();
  readonly places = new Map<string, Place>();
  readonly failures = new Map<number, { since: number; count: number; until: number }>();
  cache: PermissionToken[] = [];
  now = 0;

  subscribe(node: number, channel: string, token?: PermissionToken): MembershipReason {
    if (this.now < (this.failures.get(node)?.until ?? 0)) return "rate_limited";
    const reason = this.#decide(node, channel, token);
    if (reason === "ok") this.failures.delete(node);
    else this.#fail(node);
    return reason;
  }

  recipients(channel: string): number[] {
    const rules = this.rules.get(channel);
    return nodes.flatMap((_, node) => {
      const place = this.places.get(`${channel} ${node}`);
      if (place === undefined || rules === undefined) return [];
      if (rules.local && this.hidden.has(node)) return [];
      if (place.admitted && rules.requireToken) place.admitted = this.#lasts(node, channel, place);
      return place.admitted ? [node] : [];
    });
  }

  sweep(): void {
    for (const channel of channels) {
      if (this.rules.get(channel)?.requireToken !== true) continue;
      for (const node of nodes.keys()) {
        const key = `${channel} ${node}`;
        const place = this.places.get(key);
        if (place !== undefined && !this.#lasts(node, channel, place)) this.places.delete(key);
      }
    }
  }

  #decide(node: number, channel: string, token?: PermissionToken): MembershipReason {
    const rules = this.rules.get(channel);
    if (rules === undefined) return "unknown_channel";
    if (rules.local && this.hidden.has(node)) return "unauthorized";
    const key = `${channel} ${node}`;
    if (!rules.requireToken && !rules.subscribeCaps) {
      this.places.set(key, { proof: undefined, admitted: true });
      return "ok";
    }
    const isAble = !rules.subscribeCaps || this.able.has(node);
    if (!isAble || (rules.requireToken && !this.met.has(node))) return "unauthorized";
    if (!this.met.has(node)) {
      this.places.set(key, { proof: undefined, admitted: true });
      return "ok";
    }
    const proves = token !== undefined && this.#covers(token, node, channel);
    if (rules.requireToken && !proves && !this.#cached(node, channel)) return "unauthorized";
    if (token !== undefined) {
      const same = (held: PermissionToken): boolean =>
        held.scope === token.scope && held.subjectHex === token.subjectHex;
      this.cache = [...this.cache.filter((held) => !same(held)), token];
    }
    this.places.set(key, { proof: proves ? token : undefined, admitted: true });
    return "ok";
  }

  #lasts(node: number, channel: string, { proof }: Place): boolean {
    if (!this.met.has(node)) return false;
    const proves = proof !== undefined && this.#covers(proof, node, channel);
    return proves || this.#cached(node, channel);
  }

  #cached(node: number, channel: string): boolean {
    return this.cache.some((token) => this.#covers(token, node, channel));
  }

  #covers(token: PermissionToken, node: number, channel: string): boolean {
    const isHere = channel === "gated" || (token.scope & SCOPE.wildcard) !== 0;
    return (
      isHere &&
      Buffer.compare(token.subject, nodes[node]?.entityId ?? new Uint8Array(0)) === 0 &&
      (token.scope & SCOPE.subscribe) !== 0 &&
      this.now < (Number(token.notAfter) - 1_795_213_322) * 1_000
    );
  }

  #fail(node: number): void {
    const known = this.failures.get(node);
    const isOver =
      known === undefined ||
      (known.until > 0 ? this.now >= known.until : this.now >= known.since + 60_000);
    const failures = isOver ? { since: this.now, count: 0, until: 0 } : known;
    failures.count++;
    if (failures.count >= 16) failures.until = this.now + 30_000;
    this.failures.set(node, failures);
  }
}

const node = fc.nat(nodes.length - 1);
const channel = fc.constantFrom(...channels);
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      what: fc.constant("subscribe" as const),
      node,
      channel,
      token: fc.option(fc.nat(tokens.length - 1), { nil: undefined }),
      times: fc.constantFrom(1, 1, 1, 5),
    }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constant("leave" as const), node, channel }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant("publish" as const), channel }) },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant("pass" as const), seconds: fc.nat(40) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constantFrom("meet" as const, "enable" as const, "hide" as const),
      node,
      on: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant("register" as const),
      channel,
      requireToken: fc.boolean(),
      subscribeCaps: fc.boolean(),
      local: fc.boolean(),
    }),
  },
);

it("decides as the rules do, whatever happens in whatever order", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), (steps) => {
      const model = new Model();
      const test = new TestHost();
      const own = { scope: SCOPE.publish | SCOPE.wildcard, notAfter: 4_000_000_000n };
      test.host.installToken(tokenOf(publisher, publisher, own));
      const idOf = (n: number): bigint => nodes[n]?.nodeId ?? 0n;
      for (const each of steps) {
        if (each.what === "subscribe") {
          const token = each.token === undefined ? undefined : tokens[each.token];
          const details = token === undefined ? {} : { token: token.bytes };
          for (let n = 0; n < each.times; n++) {
            expect(test.subscribe(idOf(each.node), each.channel, details)).toBe(
              model.subscribe(each.node, each.channel, token),
            );
          }
        } else if (each.what === "leave") {
          test.unsubscribe(idOf(each.node), each.channel);
          model.places.delete(`${each.channel} ${each.node}`);
        } else if (each.what === "publish") {
          const expected = model.recipients(each.channel).map(idOf);
          const found = [...test.recipients(each.channel)];
          expect(found.toSorted()).toEqual(expected.toSorted());
        } else if (each.what === "pass") {
          test.pass(each.seconds * 1_000);
          model.now = test.now;
          if (test.now >= test.host.deadline()) model.sweep();
          test.host.tick(test.now, test.wallClock);
        } else if (each.what === "register") {
          const { requireToken, subscribeCaps, local } = each;
          model.rules.set(each.channel, { requireToken, subscribeCaps, local });
          test.host.registry.register(each.channel, {
            requireToken,
            visibility: local ? "subnet-local" : "global",
            ...(subscribeCaps ? { subscribeCaps: "gpu" } : {}),
          });
        } else {
          const identity = nodes[each.node];
          if (identity === undefined) continue;
          const { entities, capabilities, hidden } = test.peers;
          const set = { meet: model.met, enable: model.able, hide: model.hidden }[each.what];
          if (each.on) set.add(each.node);
          else set.delete(each.node);
          if (each.what === "meet" && each.on) entities.set(identity.nodeId, identity.entityId);
          if (each.what === "meet" && !each.on) entities.delete(identity.nodeId);
          if (each.what === "enable") capabilities.set(identity.nodeId, each.on ? "gpu" : "");
          if (each.what === "hide" && each.on) hidden.add(identity.nodeId);
          if (each.what === "hide" && !each.on) hidden.delete(identity.nodeId);
        }
      }
    }),
    { numRuns: 500 },
  );
});

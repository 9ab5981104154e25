import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CAUSAL_LINK_BYTES,
  causalLinkProblem,
  channelHash,
  channelNameProblem,
  decodeCausalEvents,
  decodeCausalLink,
  delegateToken,
  encodeCausalEvents,
  encodeCausalLink,
  ensureChannelName,
  genesisLink,
  Identity,
  isChannelName,
  issueToken,
  NetIdentityError,
  nextLink,
  openIdentity,
  PermissionToken,
  SCOPE,
  sealIdentity,
  TOKEN_BYTES,
  TokenCache,
  tokenAuthorizes,
  tokenValidity,
  verifyCausalEvents,
  verifyDelegationChain,
  verifyToken,
} from "@gaiaftcl/net-identity";
import { loadIdentity } from "@gaiaftcl/net-identity/files";
import { netKeypairOf } from "../../../../packages/net-identity/src/net-keypair.ts";
import type { FuzzTarget } from "../engine/fuzz-target.ts";
import { claim, claimSame, unlessRefused } from "./claims.ts";
import { vectorBytes, vectorTexts } from "./seeds.ts";

const seeds = (): Uint8Array[] => vectorBytes("net-identity/vectors/net-identity.json");
const links = (): Uint8Array[] => vectorBytes("net-identity/vectors/causal-link.json");

const [owner, gateway, sensor] = [1, 2, 3].map((byte) =>
  Identity.fromSeed(new Uint8Array(32).fill(byte)),
) as [Identity, Identity, Identity];
const wallClock = 1_700_000_000_000;
const randomBytes = (length: number): Uint8Array => new Uint8Array(length).fill(9);
const parent = issueToken({
  signer: owner,
  subject: gateway.entityId,
  scope: ["subscribe", "delegate"],
  channel: "room/door",
  ttlSeconds: 3600,
  delegationDepth: 1,
  wallClock,
  randomBytes,
});
const child = delegateToken({
  signer: gateway,
  parent,
  subject: sensor.entityId,
  scope: ["subscribe"],
  wallClock,
  randomBytes,
});
const chain = Buffer.concat([child.bytes, parent.bytes]);
const channel = channelHash("room/door");

const secretKey = new Uint8Array(32).fill(4);
const link = genesisLink(owner.originHash);
const envelope = sealIdentity({
  identity: owner,
  targetPublicKey: netKeypairOf(secretKey).publicKey,
  link,
  randomBytes,
});

const directory = mkdtempSync(join(tmpdir(), "gaiaftcl-fuzz-"));
process.on("exit", () => {
  rmSync(directory, { recursive: true, force: true });
});

export const targets: readonly FuzzTarget[] = [
  {
    name: "net-identity/token",
    seeds: () => [...seeds(), parent.bytes, child.bytes],
    share: 0.5,
    run(input) {
      const token = unlessRefused(NetIdentityError, () => PermissionToken.parse(input));
      claim((token !== undefined) === (input.length === TOKEN_BYTES), "the length alone decides");
      if (token === undefined) return;
      claimSame(token.bytes, input, "a token's bytes");
      const verdict = tokenValidity(token, wallClock);
      claim(verifyToken(token) || verdict !== "valid", "a valid token is signed");
      tokenAuthorizes(token, SCOPE.subscribe, channel);
      const cache = new TokenCache();
      unlessRefused(NetIdentityError, () => cache.insert(token));
      const subject = sensor.entityId;
      const question = { subject, action: SCOPE.subscribe, channelHash: channel, wallClock };
      claim(!cache.check(question) || verdict === "valid", "only valid tokens give a right");
    },
  },
  {
    name: "net-identity/delegation-chain",
    seeds: () => [chain, child.bytes, ...seeds()],
    maxLength: 6 * TOKEN_BYTES,
    share: 0.2,
    run(input) {
      const tokens = Array.from({ length: Math.floor(input.length / TOKEN_BYTES) }, (_, index) =>
        PermissionToken.parse(input.subarray(index * TOKEN_BYTES, (index + 1) * TOKEN_BYTES)),
      );
      const verdict = verifyDelegationChain(tokens, {
        trustedIssuers: [owner.entityId],
        subject: sensor.entityId,
        action: SCOPE.subscribe,
        channelHash: channel,
        wallClock,
      });
      // Nobody can sign for the owner or the gateway, so no other chain holds.
      const isReal = Buffer.compare(chain, input.subarray(0, tokens.length * TOKEN_BYTES)) === 0;
      claim(verdict.ok === isReal, "only the chain that was made holds");
    },
  },
  {
    name: "net-identity/causal-link",
    seeds: links,
    run(input) {
      const decoded = decodeCausalLink(input);
      claim(
        (decoded !== undefined) === (input.length === CAUSAL_LINK_BYTES),
        "any 32 bytes are one",
      );
      if (decoded === undefined) return;
      claimSame(encodeCausalLink(decoded), input, "a link's bytes");
      const previous = { link: decoded, payload: input };
      const next = unlessRefused(NetIdentityError, () => nextLink(previous, 7n));
      if (next) claim(causalLinkProblem(next, previous) === undefined, "the next link follows");
    },
  },
  {
    name: "net-identity/causal-events",
    seeds: links,
    run(input) {
      const events = decodeCausalEvents(input, 64);
      if (events === undefined) return;
      claimSame(encodeCausalEvents(events), input, "the bytes of a list of events");
      verifyCausalEvents(events, { link, payload: new Uint8Array(0) });
    },
  },
  {
    name: "net-identity/envelope",
    seeds: () => [envelope, ...links()],
    share: 0.1,
    run(input) {
      const verdict = openIdentity(input, { secretKey, entityId: owner.entityId, link });
      claim(verdict.ok === (Buffer.compare(input, envelope) === 0), "only what was sealed opens");
    },
  },
  {
    name: "net-identity/identity-file",
    seeds: () => [new Uint8Array(32), new Uint8Array(31), new Uint8Array(33)],
    maxLength: 64,
    share: 0.1,
    async run(input) {
      const file = join(directory, "identity");
      writeFileSync(file, input, { mode: 0o600 });
      const identity = await loadIdentity(file).catch((error: unknown) => {
        if (error instanceof NetIdentityError) return undefined;
        throw error;
      });
      claim((identity !== undefined) === (input.length === 32), "32 bytes are a seed");
      if (identity) claimSame(identity.seed(), input, "the seed");
    },
  },
  {
    name: "net-identity/channel-name",
    seeds: () => vectorTexts("net-identity/vectors/net-identity.json"),
    maxLength: 400,
    run(input) {
      const name = new TextDecoder().decode(input);
      const isName = isChannelName(name);
      claim(isName === (channelNameProblem(name) === undefined), "a name has no problem");
      const ensured = unlessRefused(NetIdentityError, () => ensureChannelName(name));
      claimSame(ensured, isName ? name : undefined, "both ways to check a name");
      if (isName) claim(channelHash(name) >= 0n, "a name has a hash");
    },
  },
];

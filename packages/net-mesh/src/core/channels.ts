import {
  type CapabilityFilter,
  GLOBAL_SUBNET,
  isVisible,
  matchesFilter,
  type SubnetId,
} from "@gaiaftcl/net-capability";
import {
  ChannelHost,
  type ChannelOptions,
  decodeMembership,
  encodeMembership,
  MEMBERSHIP_SUBPROTOCOL,
  MembershipRequests,
  NetChannelError,
  noSession,
  type OutgoingRequest,
  type PublishOptions,
  type PublishReport,
  PublishTally,
  publishFailure,
  publishSettings,
  type RequestOutcome,
  type SubscribeRequest,
} from "@gaiaftcl/net-channel";
import type { PermissionToken } from "@gaiaftcl/net-identity";
import { NetWireError, type PacketLabel } from "@gaiaftcl/net-wire";
import type { Discovery } from "./discovery.js";
import type { MeshState } from "./mesh-state.js";
import type { Peer } from "./peer.js";
import { StandingSubscriptions } from "./standing-subscriptions.js";

export interface ChannelsOptions {
  readonly discovery: Discovery;
  readonly ownSubnet: SubnetId;
  /** Sends one event of a subprotocol to a peer. */
  readonly sendControl: (peer: Peer, subprotocolId: number, event: Uint8Array) => void;
}

/** How a request ended; without an error it was accepted. */
export type MembershipDone = (error: NetChannelError | undefined) => void;

const KEPT_LABELS = 4096;

/** Channels of this node and its subscriptions elsewhere (Net identity format, sections 4 to 7). */
export class Channels {
  readonly #state: MeshState;
  readonly #options: ChannelsOptions;
  readonly #host: ChannelHost<CapabilityFilter>;
  readonly #requests: MembershipRequests;
  readonly #done = new Map<bigint, MembershipDone>();
  readonly #standing = new StandingSubscriptions();
  readonly #labels = new Map<string, PacketLabel>();
  readonly #originHash: number;

  constructor(state: MeshState, options: ChannelsOptions) {
    const { identity, randomBytes } = state.around;
    this.#state = state;
    this.#options = options;
    this.#originHash = Number(identity.originHash & 0xffff_ffffn);
    this.#requests = new MembershipRequests({ randomBytes });
    const { index } = options.discovery;
    this.#host = new ChannelHost<CapabilityFilter>({
      entityId: identity.entityId,
      now: state.now,
      view: {
        entityOf: (node) => {
          // What a strict peer proved; an announcement says who signed it, and not who sent it.
          const peer = state.peers.get(node);
          return peer?.session.strict === true ? peer.proof.entityId : index.entityOf(node);
        },
        isVisible: (visibility, node) =>
          isVisible(visibility, options.ownSubnet, index.subnetOf(node) ?? GLOBAL_SUBNET),
        matches: (filter, node) => matchesFilter(index.capabilitiesOf(node), filter, "channel"),
        ownMatches: (filter) => matchesFilter(options.discovery.ownCapabilities, filter, "channel"),
      },
    });
  }

  /** Memberships of others on channels of this node. */
  get memberships(): number {
    return this.#host.stats.memberships;
  }

  /** Makes a channel known, or gives it other rules. @throws NetChannelError */
  register(name: string, options: ChannelOptions<CapabilityFilter>): void {
    this.#host.registry.register(name, options);
  }

  /** Installs a token for this node to publish with. @throws NetIdentityError */
  installToken(token: PermissionToken, parents: readonly PermissionToken[]): void {
    this.#host.installToken(token, parents);
  }

  members(channel: string): readonly bigint[] {
    return this.#host.members(channel).map(({ node }) => node);
  }

  /**
   * Asks for a subscription; `done` is called once, unless the returned function takes the wish back
   * before. @throws NetChannelError for what is asked wrongly
   */
  subscribe(request: SubscribeRequest, done: MembershipDone): () => void {
    const { publisher, channel } = request;
    const outgoing = this.#requests.subscribe(request, this.#state.now);
    this.#ask(publisher, outgoing, (error) => {
      if (error === undefined) {
        this.#granted(request);
      }
      done(error);
    });
    return () => {
      // The publisher may have heard the request, or hear it yet.
      if (this.#done.delete(outgoing.nonce)) {
        this.#requests.cancel(outgoing.nonce);
        this.unsubscribe(publisher, channel, () => undefined);
      }
    };
  }

  /** Asks for the end of a subscription. @throws NetChannelError for a name that is none */
  unsubscribe(publisher: bigint, channel: string, done: MembershipDone): void {
    this.#standing.delete(publisher, channel);
    this.#ask(publisher, this.#requests.unsubscribe(publisher, channel, this.#state.now), done);
  }

  /**
   * Sends an event to everybody on a channel (Net identity format, section 6.2).
   *
   * @throws NetChannelError as the policy on failures asks, or when this node may not publish
   */
  publish(channel: string, payload: Uint8Array, options: PublishOptions): PublishReport {
    const { around, peers, now, busy, counters } = this.#state;
    const settings = publishSettings(options);
    const plan = this.#host.plan(channel, around.wallClock());
    const tally = new PublishTally(plan.recipients.length, settings.onFailure);
    const send = {
      label: this.#label(channel, plan.hint),
      open: { reliability: settings.reliability },
    };
    counters.publishes += 1;
    for (const recipient of plan.recipients) {
      if (tally.isOver) {
        break;
      }
      const peer = peers.get(recipient);
      if (peer === undefined) {
        tally.failed(recipient, publishFailure.noSession(recipient));
        continue;
      }
      try {
        if (peer.streams.sendTo(plan.streamId, [payload], now, send) === 1) {
          busy.add(peer);
          tally.delivered();
        } else {
          tally.failed(recipient, publishFailure.backpressured(plan.streamId));
        }
      } catch (error) {
        if (!(error instanceof NetWireError)) {
          throw error;
        }
        tally.failed(recipient, publishFailure.sendFailed(error.message));
      }
    }
    return tally.report();
  }

  /** Takes a membership message of `from`. */
  receive(from: Peer, event: Uint8Array): void {
    const { now, around, counters } = this.#state;
    const message = decodeMembership(event);
    if (message === undefined) {
      return;
    }
    if (message.kind === "ack") {
      const outcome = this.#requests.acknowledge(from.nodeId, message);
      if (outcome !== undefined) {
        this.#ended(outcome);
      }
      return;
    }
    counters.subscribesReceived += message.kind === "subscribe" ? 1 : 0;
    const { strict } = from.session;
    const answer = this.#host.handle(from.nodeId, message, {
      now,
      wallClock: around.wallClock(),
      strict,
    });
    this.#options.sendControl(from, MEMBERSHIP_SUBPROTOCOL, encodeMembership(answer));
  }

  /** The session with a peer ended: it leaves every channel. */
  forget(nodeId: bigint): void {
    this.#host.forget(nodeId);
  }

  /** A peer was declared failed: it leaves every channel until it speaks again. */
  suspend(nodeId: bigint): void {
    this.#host.suspend(nodeId);
  }

  /** It spoke again in the same session, and does not know that it had left. */
  resume(nodeId: bigint): void {
    this.#host.resume(nodeId);
  }

  /** It began anew, and subscribes anew where it wants to be. */
  dropSuspended(nodeId: bigint): void {
    this.#host.dropSuspended(nodeId);
  }

  /** The session with a peer ended: what it was asked gets no answer. */
  abandon(nodeId: bigint): void {
    for (const outcome of this.#requests.abandon(nodeId)) {
      this.#ended(outcome);
    }
  }

  /** A publisher came again, perhaps without memory: what stands is asked for again. */
  renew(publisher: bigint): void {
    this.#standing.renew(publisher, this.#state.now);
  }

  deadline(): number {
    return Math.min(this.#requests.deadline(), this.#host.deadline(), this.#standing.deadline());
  }

  tick(): void {
    const { now, around } = this.#state;
    const { resend, expired } = this.#requests.tick(now);
    for (const request of resend) {
      this.#send(request);
    }
    for (const outcome of expired) {
      this.#ended(outcome);
    }
    this.#host.tick(now, around.wallClock());
    for (const request of this.#standing.due(now)) {
      this.#askAgain(request);
    }
  }

  #granted(request: SubscribeRequest): void {
    const isStrict = this.#state.peers.get(request.publisher)?.session.strict === true;
    this.#standing.granted(request, !isStrict, this.#state.now);
  }

  /** Without a session there is nobody to ask; the next one brings it up again. */
  #askAgain(request: SubscribeRequest): void {
    const { now, peers } = this.#state;
    if (peers.get(request.publisher) === undefined) {
      return;
    }
    try {
      this.#ask(request.publisher, this.#requests.subscribe(request, now), (error) => {
        if (!this.#standing.has(request)) {
          return;
        }
        if (error === undefined) {
          this.#granted(request);
        } else {
          this.#standing.refused(request, this.#state.now);
        }
      });
    } catch (error) {
      if (!(error instanceof NetChannelError)) {
        throw error;
      }
      this.#standing.refused(request, now);
    }
  }

  #ask(publisher: bigint, request: OutgoingRequest, done: MembershipDone): void {
    this.#done.set(request.nonce, done);
    if (!this.#send(request)) {
      for (const outcome of this.#requests.abandon(publisher)) {
        this.#ended({ ...outcome, error: noSession(publisher) });
      }
    }
  }

  #send(request: OutgoingRequest): boolean {
    const peer = this.#state.peers.get(request.publisher);
    if (peer === undefined) {
      return false;
    }
    const bytes = peer.session.strict ? request.bytes : request.bareBytes;
    this.#options.sendControl(peer, MEMBERSHIP_SUBPROTOCOL, bytes);
    return true;
  }

  #ended({ nonce, error }: RequestOutcome): void {
    const done = this.#done.get(nonce);
    this.#done.delete(nonce);
    done?.(error);
  }

  /** One object per channel, so that events of one channel share packets. */
  #label(channel: string, channelHint: number): PacketLabel {
    let label = this.#labels.get(channel);
    if (label === undefined) {
      if (this.#labels.size >= KEPT_LABELS) {
        this.#labels.clear();
      }
      label = { channelHint, originHash: this.#originHash };
      this.#labels.set(channel, label);
    }
    return label;
  }
}

import { HEADER_BYTES, type SealFields, TAG_BYTES } from "@gaiaftcl/net-wire";
import type { CandidatePath } from "./candidate-path.js";
import type { MeshState } from "./mesh-state.js";
import type { Outbound } from "./outbound.js";
import type { Peer } from "./peer.js";

/** Between strict peers: challenges and responses of paths. An id of the vendors' range. */
export const PATH_SUBPROTOCOL = 0x4748;
const CHALLENGE = 1;
const RESPONSE = 2;
const TOKEN_BYTES = 8;
/** One event: u32 length, kind, token. */
const FRAME_BYTES = 4;
const MESSAGE_BYTES = 1 + TOKEN_BYTES;
const FIELDS: SealFields = {
  flags: 0,
  subprotocolId: PATH_SUBPROTOCOL,
  streamId: BigInt(PATH_SUBPROTOCOL),
  sequence: 0n,
  eventCount: 1,
};
const PACKET_BYTES = HEADER_BYTES + FRAME_BYTES + MESSAGE_BYTES + TAG_BYTES;

/** An address that is not validated gets at most so many times what came from it (RFC 9000, section 8). */
const AMPLIFICATION = 3;
/** Addresses of one peer that are looked into at once; the oldest makes room. */
const MOST_CANDIDATES = 3;
/**
 * How long the present path is waited for after the new one answered, at least, in milliseconds; and
 * as long again as the new one took.
 */
const LEAST_WAIT_MS = 50;
/** When an address is asked a second time, and then after as long again each time. */
const RESEND_MS = 100;
/** After the present address has shown that it leads to the peer, others are not looked into for so long. */
const QUIET_MS = 1000;
/** After so long without an answer an address is given up, until the peer is heard there again. */
const LIFETIME_MS = 3000;

export interface PathValidationOptions {
  readonly state: MeshState;
  readonly outbound: Outbound;
  /** Makes `to` the address of a peer. */
  readonly move: (peer: Peer, to: string) => void;
}

/**
 * Decides when a strict peer is reached at another address (after RFC 9000, sections 8.2 and 9.3).
 *
 * A packet from elsewhere proves that the peer made it, not that it is there: whoever catches packets
 * can send them on from where he likes. So the new address is asked with random bytes that only the
 * peer can read and give back from there, and until it did, everything goes where it went before.
 * As somebody between might pass on question and answer too, the present address is asked as well, with
 * other bytes. The peer stays there if they come back, from wherever, or if anything new of it comes
 * from there: where it is reached, nobody has to be followed.
 */
export class PathValidation {
  readonly #options: PathValidationOptions;
  readonly #peers = new Set<Peer>();
  #earliest = Number.POSITIVE_INFINITY;

  constructor(options: PathValidationOptions) {
    this.#options = options;
  }

  deadline(): number {
    return this.#earliest;
  }

  /** Forgets a peer whose session ended. */
  forget(peer: Peer): void {
    this.#peers.delete(peer);
    peer.candidates = [];
  }

  /**
   * A packet of `peer` came straight from `from`.
   *
   * @param isLatest whether it is the newest of the session so far
   */
  heard(peer: Peer, from: string, bytes: number, isLatest: boolean): void {
    if (from === peer.address) {
      if (isLatest && peer.candidates.length > 0) {
        this.#stays(peer);
      }
      return;
    }
    const known = peer.candidates.find(({ address }) => address === from);
    if (known !== undefined) {
      known.bytesReceived += bytes;
      return;
    }
    if (isLatest && this.#options.state.now >= peer.staysUntil) {
      this.#begin(peer, from, bytes);
    }
  }

  /**
   * Asks a strict peer, where it is now, for a sign of life: it is answered at once, whatever waits in
   * streams on both sides.
   */
  ping(peer: Peer): void {
    const { state, outbound } = this.#options;
    const token = state.around.randomBytes(TOKEN_BYTES);
    outbound.transmit(peer, this.#seal(peer, CHALLENGE, token));
  }

  /**
   * Takes a message of this subprotocol.
   *
   * @param from where it came from, if that was straight from the peer
   */
  receive(peer: Peer, payload: Uint8Array, from: string | undefined): void {
    if (payload.length !== FRAME_BYTES + MESSAGE_BYTES) {
      return;
    }
    const token = payload.subarray(FRAME_BYTES + 1);
    if (payload[FRAME_BYTES] === CHALLENGE) {
      const answer = this.#seal(peer, RESPONSE, token);
      if (from === undefined) {
        this.#options.outbound.transmit(peer, answer);
      } else {
        this.#options.state.transmit(answer, from);
      }
    } else if (payload[FRAME_BYTES] === RESPONSE) {
      this.#answered(peer, hex(token), from);
    }
  }

  tick(): void {
    const { now } = this.#options.state;
    if (now < this.#earliest) {
      return;
    }
    for (const peer of [...this.#peers]) {
      this.#serve(peer, now);
    }
    this.#schedule();
  }

  /** The peer is where it was. */
  #stays(peer: Peer): void {
    this.forget(peer);
    peer.staysUntil = this.#options.state.now + QUIET_MS;
  }

  #begin(peer: Peer, address: string, bytesReceived: number): void {
    const { now, around } = this.#options.state;
    const token = (): string => hex(around.randomBytes(TOKEN_BYTES));
    const candidate: CandidatePath = {
      address,
      token: token(),
      presentToken: token(),
      startedAt: now,
      bytesReceived,
      bytesSent: 0,
      askAt: now,
      movesAt: Number.POSITIVE_INFINITY,
    };
    peer.candidates = [...peer.candidates, candidate].slice(-MOST_CANDIDATES);
    this.#peers.add(peer);
    this.#earliest = Number.NEGATIVE_INFINITY;
  }

  #answered(peer: Peer, token: string, from: string | undefined): void {
    const { now } = this.#options.state;
    if (peer.candidates.some(({ presentToken }) => presentToken === token)) {
      this.#stays(peer);
      return;
    }
    const candidate = peer.candidates.find((each) => each.token === token);
    if (candidate?.movesAt !== Number.POSITIVE_INFINITY || candidate.address !== from) {
      return;
    }
    const wait = Math.max(LEAST_WAIT_MS, now - candidate.startedAt);
    candidate.movesAt = now + wait;
    // The present path's last chances: now, and half-way.
    this.#ask(peer, candidate.presentToken, peer.address);
    candidate.askAt = now + wait / 2;
    this.#schedule();
  }

  #serve(peer: Peer, now: number): void {
    if (this.#options.state.peers.get(peer.nodeId) !== peer) {
      this.forget(peer);
      return;
    }
    const settled = peer.candidates.find(({ movesAt }) => movesAt <= now);
    if (settled !== undefined) {
      this.forget(peer);
      this.#options.move(peer, settled.address);
      return;
    }
    peer.candidates = peer.candidates.filter(
      ({ startedAt, movesAt }) =>
        now - startedAt < LIFETIME_MS || movesAt !== Number.POSITIVE_INFINITY,
    );
    if (peer.candidates.length === 0) {
      this.#peers.delete(peer);
    }
    for (const candidate of peer.candidates.filter(({ askAt }) => askAt <= now)) {
      candidate.askAt = now + Math.max(RESEND_MS, now - candidate.startedAt);
      this.#ask(peer, candidate.presentToken, peer.address);
      const allowed = AMPLIFICATION * candidate.bytesReceived - candidate.bytesSent;
      if (candidate.movesAt === Number.POSITIVE_INFINITY && allowed >= PACKET_BYTES) {
        candidate.bytesSent += PACKET_BYTES;
        this.#ask(peer, candidate.token, candidate.address);
      }
    }
  }

  #ask(peer: Peer, token: string, to: string): void {
    this.#options.state.transmit(this.#seal(peer, CHALLENGE, Buffer.from(token, "hex")), to);
  }

  #seal(peer: Peer, kind: number, token: Uint8Array): Uint8Array {
    const payload = new Uint8Array(FRAME_BYTES + MESSAGE_BYTES);
    payload[0] = MESSAGE_BYTES;
    payload[FRAME_BYTES] = kind;
    payload.set(token, FRAME_BYTES + 1);
    return peer.session.seal(FIELDS, payload, this.#options.state.now);
  }

  #schedule(): void {
    this.#earliest = Number.POSITIVE_INFINITY;
    for (const { candidates } of this.#peers) {
      for (const { askAt, movesAt, startedAt } of candidates) {
        const endsAt = movesAt === Number.POSITIVE_INFINITY ? startedAt + LIFETIME_MS : movesAt;
        this.#earliest = Math.min(this.#earliest, askAt, endsAt);
      }
    }
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** What the silence of a peer amounts to (Net transport format, section 7). */
export type PeerHealth = "healthy" | "suspected" | "failed";

/** A peer whose health changed. */
export interface HealthChange {
  readonly nodeId: bigint;
  readonly from: PeerHealth;
  readonly to: PeerHealth;
}

interface Watched {
  heardAt: number;
  health: PeerHealth;
}

const SUSPECTED_AFTER = 2;
const FAILED_AFTER = 3;

/** Declares peers suspected after two session timeouts of silence and failed after three, and healthy when they speak again. */
export class FailureDetector {
  readonly #timeoutMs: number;
  readonly #watched = new Map<bigint, Watched>();

  /** @param timeoutMs the session timeout */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Starts to watch a peer, or starts anew after a new handshake. */
  watch(nodeId: bigint, now: number): void {
    this.#watched.set(nodeId, { heardAt: now, health: "healthy" });
  }

  forget(nodeId: bigint): void {
    this.#watched.delete(nodeId);
  }

  health(nodeId: bigint): PeerHealth | undefined {
    return this.#watched.get(nodeId)?.health;
  }

  /** Notes an authenticated sign of life. Gives the change when the peer was not healthy. */
  heard(nodeId: bigint, now: number): HealthChange | undefined {
    const watched = this.#watched.get(nodeId);
    if (watched === undefined) {
      return undefined;
    }
    watched.heardAt = now;
    return this.#change(nodeId, watched, "healthy");
  }

  /** Judges every peer anew and gives those whose health changed. */
  evaluate(now: number): HealthChange[] {
    const changes: HealthChange[] = [];
    for (const [nodeId, watched] of this.#watched) {
      const missed = Math.floor((now - watched.heardAt) / this.#timeoutMs);
      const health =
        missed >= FAILED_AFTER ? "failed" : missed >= SUSPECTED_AFTER ? "suspected" : "healthy";
      const change = this.#change(nodeId, watched, health);
      if (change !== undefined) {
        changes.push(change);
      }
    }
    return changes;
  }

  #change(nodeId: bigint, watched: Watched, to: PeerHealth): HealthChange | undefined {
    const from = watched.health;
    if (from === to) {
      return undefined;
    }
    watched.health = to;
    return { nodeId, from, to };
  }
}

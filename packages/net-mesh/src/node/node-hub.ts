import type { MeshEvent } from "../core/mesh-event.js";
import { PeerBatch } from "./received.js";
import { Receivers } from "./receivers.js";
import { Waiters } from "./waiters.js";

/** What happens to peers and to what is known of nodes. */
export type PeerEvent = Exclude<MeshEvent, { readonly type: "events" | "writable" | "finished" }>;

/** Brings what a core tells to those who wait for it. */
export class NodeHub {
  readonly receivers: Receivers = new Receivers((batch) => {
    this.consume(batch);
  });
  readonly writable: Waiters = new Waiters();
  readonly listeners: Set<(event: PeerEvent) => void> = new Set();
  /** Gives credit back; set once there is a core. */
  consume: (batch: PeerBatch) => void = () => undefined;

  take(event: MeshEvent): void {
    switch (event.type) {
      case "events":
        this.receivers.push(new PeerBatch(event.peer, event.batch, event.isHeldBack));
        return;
      case "writable":
        this.writable.wake(streamKey(event.peer, event.streamId));
        return;
      case "finished":
        return;
      case "connected":
      case "disconnected":
        // Streams of the former session are gone: who waits for room learns it by sending again.
        this.writable.wakeAll(`${event.peer}/`);
        this.#tell(event);
        return;
      default:
        this.#tell(event);
    }
  }

  #tell(event: PeerEvent): void {
    for (const listener of [...this.listeners]) {
      try {
        listener(event);
      } catch (error) {
        // The listener's fault must not stop what the node is in the middle of.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

/** Names a stream of a peer among those who wait. */
export function streamKey(peer: bigint, streamId: bigint): string {
  return `${peer}/${streamId}`;
}

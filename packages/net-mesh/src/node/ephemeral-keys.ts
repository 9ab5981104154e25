import { type AgreementKey, generateAgreementKey } from "@gaiaftcl/net-wire";

/** Keys kept ready: enough for a handshake that comes alone, and for its repetition. */
const READY = 2;

/**
 * Ephemeral keys for handshakes, made ahead while nothing else is to be done, so that no handshake
 * waits for one. Each is given out once.
 */
export class EphemeralKeys {
  readonly #ready: AgreementKey[] = [];

  get isFull(): boolean {
    return this.#ready.length >= READY;
  }

  /** A key that was given to nobody before. */
  take(): AgreementKey {
    return this.#ready.pop() ?? generateAgreementKey();
  }

  /** Makes one key more, unless there are enough. */
  prepare(): void {
    if (!this.isFull) {
      this.#ready.push(generateAgreementKey());
    }
  }

  /** Drops the keys that nobody needs any more. */
  clear(): void {
    this.#ready.length = 0;
  }
}

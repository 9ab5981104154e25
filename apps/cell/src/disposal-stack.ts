/**
 * Ends what was started, last first. It is `AsyncDisposableStack`, as far as needed here: Node 22 does not
 * have it.
 */
export class DisposalStack implements AsyncDisposable {
  readonly #ends: (() => Promise<unknown> | unknown)[] = [];

  /** Takes over a resource. */
  use<Resource extends AsyncDisposable | Disposable>(resource: Resource): Resource {
    this.defer(() =>
      Symbol.asyncDispose in resource
        ? resource[Symbol.asyncDispose]()
        : resource[Symbol.dispose](),
    );
    return resource;
  }

  defer(end: () => Promise<unknown> | unknown): void {
    this.#ends.push(end);
  }

  /** Ends everything even when an end fails, then throws the first failure. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (let end = this.#ends.pop(); end !== undefined; end = this.#ends.pop()) {
      try {
        await end();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}

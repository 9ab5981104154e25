import { Program } from "./program.ts";

interface Codec {
  readonly encode: (request: unknown) => string;
  readonly decode: (line: string) => unknown;
}

interface Waiting {
  readonly resolve: (line: string) => void;
  readonly reject: (error: Error) => void;
}

const json: Codec = { encode: JSON.stringify, decode: JSON.parse };

/** A program that speaks lines of JSON, and answers each of ours with one, in the order asked. */
export class LinePeer implements AsyncDisposable {
  readonly program: Program;
  readonly #codec: Codec;
  readonly #unread: string[] = [];
  readonly #waiting: Waiting[] = [];
  #isClosed = false;

  constructor(command: string, args: readonly string[], codec: Codec = json) {
    this.#codec = codec;
    this.program = new Program(command, args, {
      hasInput: true,
      onLine: (line) => {
        const next = this.#waiting.shift();
        if (next === undefined) this.#unread.push(line);
        else next.resolve(line);
      },
    });
    const close = (): void => {
      this.#isClosed = true;
      for (const { reject } of this.#waiting.splice(0)) reject(this.program.endedTooSoon());
    };
    this.program.exited.then(close, close);
  }

  /** The next line that it says. @throws Error with its log when it has ended */
  async next<Value>(): Promise<Value> {
    const line = this.#unread.shift() ?? (await this.#line());
    return this.#codec.decode(line) as Value;
  }

  /** Asks, and gives the answer. @throws Error with its log when it ends instead */
  ask<Answer>(request: unknown): Promise<Answer> {
    this.program.write(`${this.#codec.encode(request)}\n`);
    return this.next();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
  }

  #line(): Promise<string> {
    if (this.#isClosed) throw this.program.endedTooSoon();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }
}

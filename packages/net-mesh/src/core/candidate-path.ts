/** An address a peer was heard at that is not where it is reached. */
export interface CandidatePath {
  readonly address: string;
  readonly token: string;
  /** What the present path is asked with: an answer of the one is none of the other. */
  readonly presentToken: string;
  readonly startedAt: number;
  bytesReceived: number;
  bytesSent: number;
  /** When it is asked again, and the present path with it. */
  askAt: number;
  /** When it becomes the path, unless the present one shows that it lives; infinity before an answer. */
  movesAt: number;
}

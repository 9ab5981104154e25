/** The longest Unix socket path of a system, in bytes of UTF-8, without the closing NUL. */
const LINUX_LIMIT = 107;
const BSD_LIMIT = 103;

/** Whether a socket path fits the address structure of its system. */
export interface SocketPathLength {
  readonly ok: boolean;
  /** Bytes of UTF-8. */
  readonly bytes: number;
  readonly limit: number;
}

/**
 * Measures a Unix socket path against the limit of its system: 107 bytes on Linux, 103 on macOS and
 * everywhere else. Some runtimes silently cut a longer path and bind another name, so both ends
 * check before they touch the socket (cell format, section 6).
 *
 * @param platform as `process.platform`.
 */
export function checkSocketPathLength(platform: string, path: string): SocketPathLength {
  const limit = platform === "linux" || platform === "android" ? LINUX_LIMIT : BSD_LIMIT;
  const bytes = new TextEncoder().encode(path).length;
  return { ok: bytes <= limit, bytes, limit };
}

import type { DigestJob } from "./file-digest.js";

/**
 * Jobs in columns, which another thread receives much faster than as many objects. No path holds
 * NUL: the file system knows none that does.
 */
export interface PackedJobs {
  /** Joined by NUL. */
  readonly paths: string;
  /** 64 hex digits a job; empty when nothing is expected. */
  readonly hashes: string;
  /** One size a job; empty when nothing is expected. */
  readonly sizes: Float64Array;
}

/** @param jobs either all with what is expected or all without */
export function packJobs(jobs: readonly DigestJob[]): PackedJobs {
  const expected = jobs.flatMap((job) => job.expected ?? []);
  return {
    paths: jobs.map(({ path }) => path).join("\0"),
    hashes: expected.map(({ sha256 }) => sha256).join(""),
    sizes: Float64Array.from(expected, ({ bytes }) => bytes),
  };
}

export function unpackJobs({ paths, hashes, sizes }: PackedJobs): DigestJob[] {
  return paths.split("\0").map((path, position): DigestJob => {
    const bytes = sizes[position];
    if (bytes === undefined) return { path };
    return { path, expected: { bytes, sha256: hashes.slice(position * 64, position * 64 + 64) } };
  });
}

import type { JsonValue } from "@gaiaftcl/canonical-json";

type Members = { readonly [name: string]: JsonValue };

/**
 * What a verb answers (cell format, section 6): `ok`, `refused` (not allowed, or bad arguments) or
 * `blocked` (cannot run now). Names are snake_case, numbers are integers: it is portable JSON.
 */
export type Outcome =
  | ({ readonly status: "ok" } & Members)
  | ({
      readonly status: "refused" | "blocked";
      readonly code: string;
      readonly reason: string;
    } & Members);

export function ok(members: Members): Outcome {
  return { ...members, status: "ok" };
}

export function refused(code: string, reason: string, members: Members = {}): Outcome {
  return { ...members, status: "refused", code, reason };
}

export function blocked(code: string, reason: string, members: Members = {}): Outcome {
  return { ...members, status: "blocked", code, reason };
}

import type { RuntimeState } from "@gaiaftcl/cell";

/** Where the things of a running cell are. */
export function whereLines(home: string, state: RuntimeState): string[] {
  const kind = (broker: "substrate" | "franklin"): string =>
    state.embedded_brokers.includes(broker) ? "embedded" : "external";
  return [
    `  home       ${home}`,
    `  database   ${state.database}`,
    `  socket     ${state.socket}`,
    `  brokers    substrate ${state.brokers.substrate} (${kind("substrate")}), franklin ${state.brokers.franklin} (${kind("franklin")})`,
  ];
}

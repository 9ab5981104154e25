import type { SeededRandom } from "../simulated/seeded-random.js";

/** Pairs of numbers of nodes between which there is a link, each once, the lower number first. */
export type Links = readonly (readonly [number, number])[];

export function line(nodes: number): Links {
  return Array.from({ length: nodes - 1 }, (_, index) => [index, index + 1] as const);
}

export function ring(nodes: number): Links {
  return nodes < 3 ? line(nodes) : [...line(nodes), [0, nodes - 1]];
}

/** Everybody linked to the first. */
export function star(nodes: number): Links {
  return Array.from({ length: nodes - 1 }, (_, index) => [0, index + 1] as const);
}

/** Everybody linked to everybody. */
export function full(nodes: number): Links {
  return Array.from({ length: nodes }, (_, to) =>
    Array.from({ length: to }, (_unused, from) => [from, to] as const),
  ).flat();
}

/** Connected, with links by chance until there are about `degree` for each node: few hops between any two. */
export function random(nodes: number, degree: number, source: SeededRandom): Links {
  const links = new Map<string, readonly [number, number]>();
  const add = (left: number, right: number): void => {
    const pair = [Math.min(left, right), Math.max(left, right)] as const;
    if (left !== right) {
      links.set(pair.join(), pair);
    }
  };
  for (let node = 1; node < nodes; node += 1) {
    add(node, source.below(node));
  }
  const wanted = Math.min(Math.round((nodes * degree) / 2), (nodes * (nodes - 1)) / 2);
  while (links.size < wanted) {
    add(source.below(nodes), source.below(nodes));
  }
  return [...links.values()];
}

/** Hops from `start` to every node it reaches, over `links`. */
export function distances(links: Links, start: number): ReadonlyMap<number, number> {
  const neighbours = new Map<number, number[]>();
  for (const [left, right] of links) {
    neighbours.set(left, [...(neighbours.get(left) ?? []), right]);
    neighbours.set(right, [...(neighbours.get(right) ?? []), left]);
  }
  const found = new Map([[start, 0]]);
  const open = [start];
  for (let node = open.shift(); node !== undefined; node = open.shift()) {
    for (const next of neighbours.get(node) ?? []) {
      if (!found.has(next)) {
        found.set(next, (found.get(node) as number) + 1);
        open.push(next);
      }
    }
  }
  return found;
}

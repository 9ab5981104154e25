/** The subscriptions a subject reaches: every one of `plain`, and one of each group in `queues`. */
export interface Matches<T> {
  readonly plain: readonly T[];
  readonly queues: readonly (readonly T[])[];
}

interface Node<T> {
  /** Absent until used: most nodes have one child, and every node costs memory a client controls. */
  literals: Map<string, Node<T>> | undefined;
  /** The child of token `*`. */
  star: Node<T> | undefined;
  /** The child of token `>`. */
  rest: Node<T> | undefined;
  plain: Set<T> | undefined;
  queues: Map<string, Set<T>> | undefined;
}

/**
 * Subscriptions by subject, one level of the tree for each token (what nats-server calls a sublist).
 * Insertion and removal take the time of the pattern's tokens, however many share the pattern.
 */
export class SubjectTree<T> {
  readonly #root: Node<T> = emptyNode();

  /** Adds `value` under a well-formed pattern; `queue` is empty for a subscription outside any group. */
  insert(pattern: string, queue: string, value: T): void {
    let node = this.#root;
    for (const token of pattern.split(".")) node = childFor(node, token);
    if (queue === "") {
      node.plain ??= new Set();
      node.plain.add(value);
      return;
    }
    node.queues ??= new Map();
    const group = node.queues.get(queue);
    if (group === undefined) node.queues.set(queue, new Set([value]));
    else group.add(value);
  }

  /** Removes what was inserted under the same pattern and queue, and the nodes nobody uses any more. */
  remove(pattern: string, queue: string, value: T): void {
    const tokens = pattern.split(".");
    const path: Node<T>[] = [this.#root];
    for (const token of tokens) {
      const next = childOf(path[path.length - 1] as Node<T>, token);
      if (next === undefined) return;
      path.push(next);
    }
    removeValue(path[path.length - 1] as Node<T>, queue, value);
    for (let depth = tokens.length; depth > 0 && isUnused(path[depth] as Node<T>); depth -= 1) {
      removeChild(path[depth - 1] as Node<T>, tokens[depth - 1] as string);
    }
  }

  /** What a message to `subject` reaches; nothing when the subject has an empty token. */
  match(subject: string): Matches<T> {
    const tokens = subject.split(".");
    const plain: T[] = [];
    // A group is one group even if its members subscribed with different patterns.
    const queues = new Map<string, T[]>();
    if (!tokens.includes("")) collect(this.#root, tokens, 0, plain, queues);
    return { plain, queues: [...queues.values()] };
  }

  /** Whether no value is left; then no node is either. */
  get isEmpty(): boolean {
    return isUnused(this.#root);
  }
}

function collect<T>(
  node: Node<T>,
  tokens: readonly string[],
  depth: number,
  plain: T[],
  queues: Map<string, T[]>,
): void {
  if (depth === tokens.length) {
    take(node, plain, queues);
    return;
  }
  if (node.rest !== undefined) take(node.rest, plain, queues);
  if (node.star !== undefined) collect(node.star, tokens, depth + 1, plain, queues);
  // A published token `*` or `>` is text: it meets only wildcards, which the map never holds.
  const literal = node.literals?.get(tokens[depth] as string);
  if (literal !== undefined) collect(literal, tokens, depth + 1, plain, queues);
}

function take<T>(node: Node<T>, plain: T[], queues: Map<string, T[]>): void {
  if (node.plain !== undefined) for (const value of node.plain) plain.push(value);
  if (node.queues === undefined) return;
  for (const [name, members] of node.queues) {
    const group = queues.get(name);
    if (group === undefined) queues.set(name, [...members]);
    else for (const value of members) group.push(value);
  }
}

function emptyNode<T>(): Node<T> {
  return {
    literals: undefined,
    star: undefined,
    rest: undefined,
    plain: undefined,
    queues: undefined,
  };
}

function childOf<T>(node: Node<T>, token: string): Node<T> | undefined {
  if (token === "*") return node.star;
  if (token === ">") return node.rest;
  return node.literals?.get(token);
}

function childFor<T>(node: Node<T>, token: string): Node<T> {
  const existing = childOf(node, token);
  if (existing !== undefined) return existing;
  const created = emptyNode<T>();
  if (token === "*") node.star = created;
  else if (token === ">") node.rest = created;
  else {
    node.literals ??= new Map();
    node.literals.set(token, created);
  }
  return created;
}

function removeChild<T>(node: Node<T>, token: string): void {
  if (token === "*") node.star = undefined;
  else if (token === ">") node.rest = undefined;
  else if (node.literals?.delete(token) && node.literals.size === 0) node.literals = undefined;
}

function removeValue<T>(node: Node<T>, queue: string, value: T): void {
  if (queue === "") {
    if (node.plain?.delete(value) && node.plain.size === 0) node.plain = undefined;
    return;
  }
  const group = node.queues?.get(queue);
  if (group?.delete(value) && group.size === 0) {
    node.queues?.delete(queue);
    if (node.queues?.size === 0) node.queues = undefined;
  }
}

function isUnused<T>(node: Node<T>): boolean {
  return (
    node.literals === undefined &&
    node.star === undefined &&
    node.rest === undefined &&
    node.plain === undefined &&
    node.queues === undefined
  );
}

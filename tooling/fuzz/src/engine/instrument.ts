import { type Expression, type Node, type Program, parse } from "acorn";
import { walk } from "estree-walker";
import MagicString from "magic-string";

const COMPARISONS: Readonly<Record<string, string>> = {
  "===": "eq",
  "!==": "ne",
  "<": "lt",
  "<=": "le",
  ">": "gt",
  ">=": "ge",
};

/**
 * Adds to a module that it counts how often each of its blocks runs and says what it compares. Lines
 * stay where they are; what the module does stays the same.
 *
 * @param source JavaScript
 * @param probe the specifier of `probe.ts`, as the module would import it
 * @param nextBlock gives the number of another block
 */
export function instrument(source: string, probe: string, nextBlock: () => number): string {
  const text = new MagicString(source);
  const program: Program = parse(source, { ecmaVersion: "latest", sourceType: "module" });

  const count = (): string => `__fuzz.counters[${nextBlock()}]++`;
  const wrap = (node: Node, before: string, after: string): void => {
    // Of several texts at one place, those of outer nodes come first, and outer nodes are entered first.
    text.appendRight(node.start, before);
    text.appendLeft(node.end, after);
  };
  const branch = (node: Expression): void => {
    wrap(node, `(${count()}, (`, "))");
  };
  const block = (node: Node): void => {
    if (node.type === "BlockStatement") text.appendRight(node.start + 1, `${count()};`);
    else wrap(node, `{${count()};`, "}");
  };
  const compare = (node: Node, left: Node, right: Node, operator: string): void => {
    const name = COMPARISONS[operator];
    const between = source.slice(left.end, right.start);
    const [before = "", after] = between.split(operator);
    // Only parentheses may stand beside the operator: a comment could hold anything.
    if (name === undefined || after === undefined || !/^[\s()]*$/u.test(before + after)) return;
    const at = left.end + before.length;
    text.overwrite(at, at + operator.length, ",");
    wrap(node, `__fuzz.${name}(`, ")");
  };

  walk(program as Parameters<typeof walk>[0], {
    enter(entered) {
      const node = entered as unknown as Extract<Node, { type: string }> & Branching;
      switch (node.type) {
        case "FunctionDeclaration":
        case "FunctionExpression":
        case "CatchClause":
          block(node.body);
          break;
        case "ArrowFunctionExpression":
          if (node.body.type === "BlockStatement") block(node.body);
          else branch(node.body as Expression);
          break;
        case "IfStatement":
          block(node.consequent);
          if (node.alternate) block(node.alternate);
          break;
        case "ForStatement":
        case "ForInStatement":
        case "ForOfStatement":
        case "WhileStatement":
        case "DoWhileStatement":
          block(node.body);
          break;
        case "ConditionalExpression":
          branch(node.consequent as Expression);
          branch(node.alternate as Expression);
          break;
        case "LogicalExpression":
          branch(node.right as Expression);
          break;
        case "BinaryExpression":
          compare(entered as unknown as Node, node.left, node.right, node.operator);
          break;
        case "SwitchStatement":
          wrap(node.discriminant, "__fuzz.switched(", ")");
          for (const each of node.cases) {
            const first = each.consequent[0];
            if (each.test) wrap(each.test, "__fuzz.caseOf(", ")");
            if (first !== undefined) text.appendRight(first.start, `${count()};`);
          }
          break;
      }
    },
  });
  return `import * as __fuzz from ${JSON.stringify(probe)};${text}`;
}

/** The parts of a syntax node that are looked at here; which of them there are follows from its type. */
interface Branching {
  readonly type: string;
  readonly body: Node;
  readonly consequent: Node;
  readonly alternate: Node | null;
  readonly left: Node;
  readonly right: Node;
  readonly operator: string;
  readonly discriminant: Node;
  readonly cases: readonly { readonly test: Node | null; readonly consequent: readonly Node[] }[];
}

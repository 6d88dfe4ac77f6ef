/** One metric in a query. */
interface Selector {
  readonly metric: string;
  /** The labels in its braces. */
  readonly labels: readonly string[];
}

export interface Query {
  readonly selectors: readonly Selector[];
  /** Labels in `by (…)`, `without (…)`, `on (…)` and their like. */
  readonly groupings: readonly string[];
}

const TOKEN =
  /\s*(?:(?<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?<number>\d[\d.]*(?:ms|[smhdwy])?)|(?<name>[a-zA-Z_:][\w:]*)|(?<sign>=~|!~|!=|==|>=|<=|[-+*/%^=<>(){}[\],]))/gy;
const GROUPING = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);
const OPERATORS = new Set(['and', 'or', 'unless', 'bool', 'offset']);
const PAIRS: Readonly<Record<string, string>> = { ')': '(', '}': '{', ']': '[' };

/**
 * Finds the metrics and labels of a PromQL query.
 *
 * @throws on unknown tokens and unbalanced brackets; checks nothing else
 */
export function readQuery(text: string): Query {
  const tokens = tokensOf(text);
  assertBalanced(tokens, text);
  const selectors: Selector[] = [];
  const groupings: string[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at]!;
    if (!/^[a-zA-Z_:]/.test(token) || OPERATORS.has(token)) continue;
    const opens = tokens[at + 1];
    if (GROUPING.has(token)) {
      const end = tokens.indexOf(')', at);
      groupings.push(...tokens.slice(at + 2, end).filter((name) => name !== ','));
      at = end;
    } else if (opens === '{') {
      const end = tokens.indexOf('}', at);
      const matchers = tokens.slice(at + 2, end);
      selectors.push({ metric: token, labels: matchers.filter((_, index) => /^[=!]/.test(matchers[index + 1] ?? '')) });
      at = end;
    } else if (opens !== '(' && !GROUPING.has(opens ?? '')) {
      selectors.push({ metric: token, labels: [] });
    }
  }
  return { selectors, groupings };
}

function tokensOf(text: string): string[] {
  const tokens = [...text.trim().matchAll(TOKEN)];
  if (tokens.map(([whole]) => whole).join('') !== text.trim()) throw new Error(`not PromQL: ${text}`);
  return tokens.map(([whole]) => whole.trim());
}

function assertBalanced(tokens: readonly string[], text: string): void {
  const open: string[] = [];
  for (const token of tokens) {
    if (Object.values(PAIRS).includes(token)) open.push(token);
    else if (token in PAIRS && open.pop() !== PAIRS[token]) throw new Error(`unmatched closing bracket: ${text}`);
  }
  if (open.length > 0) throw new Error(`unclosed bracket: ${text}`);
}

import type { Token } from './sql-tokens.js';

export function isWord(token: Token | undefined, ...words: readonly string[]): boolean {
  return token?.kind === 'word' && words.includes(token.text);
}

export function isSymbol(token: Token | undefined, symbol: string): boolean {
  return token?.kind === 'symbol' && token.text === symbol;
}

/** Whether it is a plain or quoted name. */
export function isNamed(token: Token | undefined): token is Token & { kind: 'word' | 'name' } {
  return token?.kind === 'word' || token?.kind === 'name';
}

export function startsWithWords(tokens: readonly Token[], ...words: readonly string[]): boolean {
  return wordsAt(tokens, 0, words);
}

/** Whether the words occur anywhere, consecutively and in this order. */
export function hasWords(tokens: readonly Token[], ...words: readonly string[]): boolean {
  return tokens.some((_, index) => wordsAt(tokens, index, words));
}

function wordsAt(tokens: readonly Token[], from: number, words: readonly string[]): boolean {
  return words.every((word, offset) => isWord(tokens[from + offset], word));
}

/** The statement that `EXPLAIN` explains, which `ANALYZE` also runs. */
export function stripExplain(tokens: readonly Token[]): readonly Token[] {
  if (!isWord(tokens[0], 'explain')) return tokens;
  let at = 1;
  if (isSymbol(tokens[at], '(') && !isOpeningQuery(tokens[at + 1])) {
    at = tokens.findIndex((token) => isSymbol(token, ')')) + 1;
    if (at === 0) return tokens;
  }
  while (isWord(tokens[at], 'analyze', 'analyse', 'verbose') || isSymbol(tokens[at], '(')) at += 1;
  return tokens.slice(at);
}

function isOpeningQuery(token: Token | undefined): boolean {
  return isWord(token, 'select', 'with', 'values', 'table') || isSymbol(token, '(');
}

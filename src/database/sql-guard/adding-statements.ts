import { hasWords, tokenize } from './sql-tokens.js';

const MAY_ADD = /\b(?:insert|merge)\b/i;

/**
 * Whether a statement adds rows, as far as its text shows: `INSERT`, also within `WITH`, and `MERGE` with a branch that inserts. Functions and
 * triggers that it calls are not looked into.
 */
export function addsRows(text: string): boolean {
  if (!MAY_ADD.test(text)) return false;
  const tokens = tokenize(text);
  return hasWords(tokens, 'insert', 'into') || hasWords(tokens, 'then', 'insert');
}

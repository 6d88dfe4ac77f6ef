import { type Token, tokenize } from './sql-tokens.js';

/** Characters of a statement that are shown; tokenizing all of a large insert would block the event loop. */
const TEXT_LIMIT = 4_096;

/** The second half of a number that `tokenize` splits: `0xff`, `1e10`, `1_000`. */
const REST_OF_NUMBER = /^(?:[xob]?[\da-f_]+|e\d*)$/;

/** A statement as logs show it: its beginning, without comments and constants. */
export function redactedText(text: string): string {
  return withoutConstants(shownTokens(text)) + (text.length > TEXT_LIMIT ? ' …' : '');
}

export function shownTokens(text: string): readonly Token[] {
  return tokenize(text.slice(0, TEXT_LIMIT));
}

/** Replaces each constant with a `?`, because it may be a user's data. Parameters (`$1`) contain none and stay. */
export function withoutConstants(tokens: readonly Token[]): string {
  return tokens.map((token, index) => render(token, tokens[index - 1])).join('');
}

function render(token: Token, previous: Token | undefined): string {
  if (previous && isConstantNumber(previous) && token.kind === 'word' && REST_OF_NUMBER.test(token.text)) return '';
  const space = previous && needsSpace(previous, token) ? ' ' : '';
  return space + tokenText(token);
}

function tokenText(token: Token): string {
  if (token.kind === 'string' || isConstantNumber(token)) return '?';
  return token.kind === 'name' ? `"${token.text.replaceAll('"', '""')}"` : token.text;
}

function isConstantNumber({ kind, text }: Token): boolean {
  return kind === 'number' && !text.startsWith('$');
}

/** `tokenize` splits operators such as `<=` into symbols, between which there must be no space. */
function needsSpace(previous: Token, token: Token): boolean {
  if (previous.kind !== 'symbol' && token.kind !== 'symbol') return true;
  if (previous.text === '(' || previous.text === '.' || previous.text === '[') return false;
  if (token.kind !== 'symbol') return true;
  return (
    !(previous.kind === 'symbol' && !/[,)\]]/.test(previous.text) && token.text !== '(') &&
    !/[,.;)[\]]/.test(token.text)
  );
}

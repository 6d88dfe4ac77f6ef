/**
 * `word`: a keyword or plain name, in lower case. `name`: a quoted name, without its quotes. `escaped-name`: `U&"…"`, with
 * its escapes. `string`: the content of a constant in quotes or dollar quotes. `escaped-string`: a constant with a prefix
 * (`E'…'`, `U&'…'`, `B'…'`), without its content. `symbol`: one character.
 */
type TokenKind = 'word' | 'name' | 'escaped-name' | 'string' | 'escaped-string' | 'number' | 'symbol';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}

interface PositionedToken extends Token {
  /** Position just after the token. */
  readonly end: number;
}

// PostgreSQL treats every non-ASCII character as a letter, even white space of other scripts.
const WORD = /[a-z_\u0080-\uffff][\w$\u0080-\uffff]*/iy;
const NUMBER_OR_PARAMETER = /\$?\d+/y;
const STRING_START = /(?:[ebxn]|u&)?'/iy;
const NAME_START = /(?:u&)?"/iy;
const DOLLAR_QUOTE = /\$(?:[a-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/iy;
const WHITESPACE = ' \t\n\r\f\v';

/**
 * Splits a text as PostgreSQL's own lexer does with `standard_conforming_strings` on (its default). An unclosed quote or
 * comment extends to the end of the text, which the server rejects anyway.
 *
 * Rules: https://www.postgresql.org/docs/current/sql-syntax-lexical.html and
 * `src/backend/parser/scan.l`.
 */
export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = skipBlank(text, 0);
  while (at < text.length) {
    const token = readToken(text, at);
    tokens.push({ kind: token.kind, text: token.text });
    at = skipBlank(text, token.end);
  }
  return tokens;
}

function readToken(text: string, at: number): PositionedToken {
  const quote = match(STRING_START, text, at);
  if (quote !== undefined) return readString(text, at + quote.length, quote);
  const nameStart = match(NAME_START, text, at);
  if (nameStart !== undefined) return readName(text, at + nameStart.length, nameStart);
  const word = match(WORD, text, at);
  if (word !== undefined) return { kind: 'word', text: word.toLowerCase(), end: at + word.length };
  const number = match(NUMBER_OR_PARAMETER, text, at);
  if (number !== undefined) return { kind: 'number', text: number, end: at + number.length };
  const dollars = match(DOLLAR_QUOTE, text, at);
  if (dollars !== undefined) return readDollarString(text, at + dollars.length, dollars);
  return { kind: 'symbol', text: text.charAt(at), end: at + 1 };
}

function readName(text: string, from: number, start: string): PositionedToken {
  const end = quotedEnd(text, from, '"');
  const name = text.slice(from, end - 1).replaceAll('""', '"');
  return { kind: start === '"' ? 'name' : 'escaped-name', text: name, end };
}

function readString(text: string, from: number, start: string): PositionedToken {
  const end = stringEnd(text, from, start);
  if (start !== "'") return { kind: 'escaped-string', text: '', end };
  return { kind: 'string', text: text.slice(from, end - 1).replaceAll("''", "'"), end };
}

function readDollarString(text: string, from: number, start: string): PositionedToken {
  const end = endOf(text, start, from);
  return { kind: 'string', text: text.slice(from, end - start.length), end };
}

function stringEnd(text: string, from: number, start: string): number {
  return start === "E'" || start === "e'" ? escapedStringEnd(text, from) : quotedEnd(text, from, "'");
}

/** A doubled quote is part of the content. */
function quotedEnd(text: string, from: number, quote: string): number {
  let end = endOf(text, quote, from);
  while (text.charAt(end) === quote) end = endOf(text, quote, end + 1);
  return end;
}

/** `E'…'`: a backslash escapes the next character, and the string may continue after a line break. */
function escapedStringEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === '\\') at += 2;
    else if (char !== "'") at += 1;
    else if (text.charAt(at + 1) === "'") at += 2;
    else {
      const continued = continuationStart(text, at + 1);
      if (continued === undefined) return at + 1;
      at = continued;
    }
  }
  return text.length;
}

/**
 * Two constants separated by a line break are one constant. This matters for escaped ones, because escapes then apply to
 * the second part, too.
 *
 * @returns the position after the quote that opens the second part; undefined when there is none
 */
function continuationStart(text: string, from: number): number | undefined {
  let at = from;
  let lineBreak = false;
  for (;;) {
    if (text.startsWith('--', at)) at = lineEnd(text, at);
    const char = text.charAt(at);
    if (char === '' || !WHITESPACE.includes(char)) return lineBreak && char === "'" ? at + 1 : undefined;
    lineBreak ||= char === '\n' || char === '\r';
    at += 1;
  }
}

/** The first position at or after `from` that is neither white space nor in a comment. */
function skipBlank(text: string, from: number): number {
  let at = from;
  for (;;) {
    const char = text.charAt(at);
    if (char === '') return text.length;
    if (WHITESPACE.includes(char)) at += 1;
    else if (char === '-' && text.charAt(at + 1) === '-') at = lineEnd(text, at);
    else if (char === '/' && text.charAt(at + 1) === '*') at = blockCommentEnd(text, at + 2);
    else return at;
  }
}

/** Block comments nest. */
function blockCommentEnd(text: string, from: number): number {
  const edge = /\/\*|\*\//g;
  edge.lastIndex = from;
  for (let depth = 1; depth > 0;) {
    const found = edge.exec(text);
    if (!found) return text.length;
    depth += found[0] === '/*' ? 1 : -1;
  }
  return edge.lastIndex;
}

function lineEnd(text: string, from: number): number {
  const lineBreak = /[\n\r]/g;
  lineBreak.lastIndex = from;
  return lineBreak.exec(text)?.index ?? text.length;
}

function endOf(text: string, needle: string, from: number): number {
  const index = text.indexOf(needle, from);
  return index < 0 ? text.length : index + needle.length;
}

function match(sticky: RegExp, text: string, at: number): string | undefined {
  sticky.lastIndex = at;
  return sticky.exec(text)?.[0];
}

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

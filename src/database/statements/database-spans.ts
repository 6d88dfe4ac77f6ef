import type pg from 'pg';
import { currentTracing, type SpanAttributes, type SpanDescription } from '../../tracing/tracing.js';
import type { AcquireRequest, ConnectionPool } from '../pool/connection-pool.js';
import { type Token, tokenize } from '../sql-guard/sql-tokens.js';

/** Characters of a statement that a span shows; tokenizing all of a large insert would block the event loop. */
const TEXT_LIMIT = 4_096;

/** The second half of a number that `tokenize` splits: `0xff`, `1e10`, `1_000`. */
const REST_OF_NUMBER = /^(?:[xob]?[\da-f_]+|e\d*)$/;

/** Waits for a connection, in a span of its own when tracing is on. */
export function tracedWait<T>(pool: ConnectionPool, request: AcquireRequest, wait: () => Promise<T>): Promise<T> {
  const tracing = currentTracing();
  return tracing ? tracing.within(() => waitSpan(pool, request), wait) : wait();
}

/**
 * Sends a statement, in a span of its own when tracing is on.
 *
 * @param text the statement; the span shows it without comments and constants
 */
export function tracedStatement<T>(client: pg.ClientBase, text: string, send: () => Promise<T>): Promise<T> {
  const tracing = currentTracing();
  return tracing ? tracing.within(() => statementSpan(client, text), send) : send();
}

function waitSpan({ target }: ConnectionPool, { tenantId, hold }: AcquireRequest): SpanDescription {
  const { database, server } = target;
  const attributes = {
    ...databaseAttributes({ database, ...server }),
    'tenantry.tenant.id': tenantId,
    'tenantry.hold': hold,
  };
  return { name: 'wait for a connection', kind: 'internal', attributes };
}

/** Attribute names: https://opentelemetry.io/docs/specs/semconv/database/postgresql/ */
function statementSpan(client: pg.ClientBase, text: string): SpanDescription {
  const { database, host, port } = client as pg.Client;
  const tokens = tokenize(text.slice(0, TEXT_LIMIT));
  const operation = tokens.find(({ kind }) => kind === 'word')?.text.toUpperCase() ?? 'statement';
  const attributes = {
    ...databaseAttributes({ database, host, port }),
    'db.operation.name': operation,
    'db.query.text': withoutConstants(tokens),
  };
  return { name: operation, kind: 'client', attributes };
}

function databaseAttributes({
  database = '',
  host,
  port,
}: {
  database?: string | undefined;
  host: string;
  port: number;
}): SpanAttributes {
  return { 'db.system.name': 'postgresql', 'db.namespace': database, 'server.address': host, 'server.port': port };
}

/** Replaces each constant with a `?`, because it may be a user's data. Parameters (`$1`) contain none and stay. */
function withoutConstants(tokens: readonly Token[]): string {
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

/** `tokenize` splits an operator of several characters into symbols, which must not be separated. */
function needsSpace(previous: Token, token: Token): boolean {
  if (previous.kind !== 'symbol' && token.kind !== 'symbol') return true;
  if (previous.text === '(' || previous.text === '.' || previous.text === '[') return false;
  if (token.kind !== 'symbol') return true;
  return (
    !(previous.kind === 'symbol' && !/[,)\]]/.test(previous.text) && token.text !== '(') &&
    !/[,.;)[\]]/.test(token.text)
  );
}

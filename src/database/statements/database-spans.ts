import type pg from 'pg';
import { currentTracing, type SpanAttributes, type SpanDescription } from '../../tracing/tracing.js';
import type { AcquireRequest, ConnectionPool } from '../pool/connection-pool.js';
import { type Token, tokenize } from '../sql-guard/sql-tokens.js';

/** Characters of a statement that a span shows; reading all of a large insert would hold up everybody else. */
const TEXT_LIMIT = 4_096;

/** How a number goes on that `tokenize` splits: `0xff`, `1e10`, `1_000`. */
const REST_OF_NUMBER = /^(?:[xob]?[\da-f_]+|e\d*)$/;

/** Waits for a connection, in a span of its own where there is a trace. */
export function tracedWait<T>(pool: ConnectionPool, request: AcquireRequest, wait: () => Promise<T>): Promise<T> {
  const tracing = currentTracing();
  return tracing ? tracing.within(() => waitSpan(pool, request), wait) : wait();
}

/**
 * Sends a statement, in a span of its own where there is a trace.
 *
 * @param text what the span shows of it: without comments and constants
 */
export function tracedStatement<T>(client: pg.ClientBase, text: string, send: () => Promise<T>): Promise<T> {
  const tracing = currentTracing();
  return tracing ? tracing.within(() => statementSpan(client, text), send) : send();
}

function waitSpan({ target }: ConnectionPool, { tenantId, hold }: AcquireRequest): SpanDescription {
  const { database, server } = target;
  const attributes = { ...place({ database, ...server }), 'tenantry.tenant.id': tenantId, 'tenantry.hold': hold };
  return { name: 'wait for a connection', kind: 'internal', attributes };
}

/** Names: https://opentelemetry.io/docs/specs/semconv/database/postgresql/ */
function statementSpan(client: pg.ClientBase, text: string): SpanDescription {
  const { database, host, port } = client as pg.Client;
  const tokens = tokenize(text.slice(0, TEXT_LIMIT));
  const operation = tokens.find(({ kind }) => kind === 'word')?.text.toUpperCase() ?? 'statement';
  const attributes = {
    ...place({ database, host, port }),
    'db.operation.name': operation,
    'db.query.text': withoutConstants(tokens),
  };
  return { name: operation, kind: 'client', attributes };
}

function place({
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

/** Constants may be somebody's data, whoever wrote them into the text: each becomes a `?`. Parameters are only numbers. */
function withoutConstants(tokens: readonly Token[]): string {
  return tokens.map((token, index) => shown(token, tokens[index - 1])).join('');
}

function shown(token: Token, before: Token | undefined): string {
  if (before && isConstantNumber(before) && token.kind === 'word' && REST_OF_NUMBER.test(token.text)) return '';
  const space = before && needsSpace(before, token) ? ' ' : '';
  return space + spelled(token);
}

function spelled(token: Token): string {
  if (token.kind === 'string' || isConstantNumber(token)) return '?';
  return token.kind === 'name' ? `"${token.text.replaceAll('"', '""')}"` : token.text;
}

function isConstantNumber({ kind, text }: Token): boolean {
  return kind === 'number' && !text.startsWith('$');
}

/** Operators of several characters come one by one. */
function needsSpace(before: Token, token: Token): boolean {
  if (before.kind !== 'symbol' && token.kind !== 'symbol') return true;
  if (before.text === '(' || before.text === '.' || before.text === '[') return false;
  if (token.kind !== 'symbol') return true;
  return (
    !(before.kind === 'symbol' && !/[,)\]]/.test(before.text) && token.text !== '(') && !/[,.;)[\]]/.test(token.text)
  );
}

import type pg from 'pg';
import { currentTracing, type SpanAttributes, type SpanDescription } from '../../tracing/tracing.js';
import type { AcquireRequest, ConnectionPool } from '../pool/connection-pool.js';
import { shownTokens, withoutConstants } from '../sql-guard/redacted-text.js';

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
  const tokens = shownTokens(text);
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

import type pg from 'pg';
import { isNamedAs } from '../../platform/postgres/application-name.js';
import { ALLOWED_CONNECTIONS } from './server-limit.js';

const CONNECTIONS = `
  SELECT (SELECT sum(numbackends) FROM pg_stat_database)::int AS open, ${ALLOWED_CONNECTIONS} AS max`;

/** How many connections a server admits, without those reserved for superusers, and how many are open, of all its clients. */
export async function countConnections(
  client: pg.ClientBase,
): Promise<{ readonly max: number; readonly open: number }> {
  const { rows } = await client.query<{ max: number; open: number }>(CONNECTIONS);
  if (!rows[0]) throw new Error('no answer about connections');
  return rows[0];
}

/** How many connections to the server an instance has, whatever for. Behind a pooler these are the pooler's. */
export async function countConnectionsOf(client: pg.ClientBase, instanceId: string): Promise<number> {
  const { rows } = await client.query<{ open: number }>(
    `SELECT count(*)::int AS open FROM pg_stat_activity WHERE ${isNamedAs('$1')}`,
    [instanceId],
  );
  return rows[0]?.open ?? 0;
}

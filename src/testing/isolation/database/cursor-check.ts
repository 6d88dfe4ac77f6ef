import pg from 'pg';
import { createStamp, type Stamp, stampStatement } from '../../../database/statements/stamps/stamp.js';
import type { PoolOptions } from '../../../database/pool/pool-options.js';
import { queryServer } from '../../../doctor/diagnosis/query-server.js';
import type { Finding } from '../finding.js';
import { qualified, secretsOf, type TenantRow } from '../tables/tenant-rows.js';
import type { TestedRows } from '../tables/tested-rows.js';
import type { TestedTenant } from '../tested-tenant.js';

/** PostgreSQL's codes for a login role that a database does not admit. */
const NOT_ADMITTED = new Set(['42501', '28000', '28P01']);

interface Way {
  /** Continues "a cursor of the login role …". */
  readonly name: string;
  readonly stamp: Stamp | undefined;
}

/**
 * Reads the other tenant's tables through cursors, on a connection of the login role that passes neither the pool nor the SQL
 * guard, which refuses `DECLARE`: nothing but grants and policies keeps these rows.
 */
export async function checkCursors(
  rows: TestedRows,
  self: TestedTenant,
  other: TestedTenant,
  pool: PoolOptions,
): Promise<Finding[]> {
  const ways = waysOf(self, other);
  const read = (where: TestedTenant, work: (client: pg.ClientBase) => Promise<Finding[]>): Promise<Finding[]> =>
    queryServer({ ...self.target, server: where.target.server, database: where.target.database }, pool, work);
  const own = await read(self, (client) => checkOwnRows(client, rows.of(self), self, ways[0]!));
  if (own.length > 0) return own;
  try {
    return await read(other, async (client) => {
      const findings = isElsewhere(self, other) ? [connects(self, other)] : [];
      const tables = new Map(rows.of(other).map((row) => [row.table.table, row]));
      for (const table of tables.keys()) {
        const secrets = rows.of(other).flatMap((row) => (row.table.table === table ? secretsOf(row) : []));
        const finding = await checkTable(client, other, table, secrets, ways);
        if (finding) findings.push(finding);
      }
      return findings;
    });
  } catch (error) {
    if (NOT_ADMITTED.has((error as pg.DatabaseError).code ?? '')) return [];
    throw error;
  }
}

/** A stamp of another tenant needs a proof, which only the application's own process can compute. */
function waysOf(self: TestedTenant, other: TestedTenant): readonly Way[] {
  const stamp = createStamp(self.tenant.id, other.schema, { key: self.target.stampKey });
  return [
    { name: 'under its own stamp', stamp },
    { name: 'without a stamp', stamp: undefined },
    { name: "under another tenant's id and its own proof", stamp: { ...stamp, tenantId: other.tenant.id } },
  ];
}

async function checkTable(
  client: pg.ClientBase,
  other: TestedTenant,
  table: string,
  secrets: readonly string[],
  ways: readonly Way[],
): Promise<Finding | undefined> {
  for (const way of ways) {
    const text = await readThroughCursor(client, qualified(other.schema, table), way);
    if (!secrets.some((secret) => text.includes(secret))) continue;
    const message = `a cursor of the login role ${way.name} returns another tenant's rows`;
    return { code: 'ENTITY_READS_OTHER_TENANT', where: `table ${table}`, message };
  }
  return undefined;
}

/** That nothing comes back of the other tenant proves something only if the same cursor returns the tenant's own rows. */
async function checkOwnRows(
  client: pg.ClientBase,
  rows: readonly TenantRow[],
  { schema }: TestedTenant,
  way: Way,
): Promise<Finding[]> {
  const own = rows.filter((row) => row.table.isUsable && secretsOf(row).length > 0);
  for (const row of own) {
    const text = await readThroughCursor(client, qualified(schema, row.table.table), way);
    if (secretsOf(row).some((secret) => text.includes(secret))) return [];
  }
  const message = "a cursor of the login role returns none of its own tenant's rows";
  return own.length === 0 ? [] : [{ code: 'CHECK_FAILED', where: `table ${own[0]!.table.table}`, message }];
}

/** Nothing where it is refused. */
async function readThroughCursor(client: pg.ClientBase, table: string, { stamp }: Way): Promise<string> {
  try {
    await client.query('BEGIN');
    if (stamp) {
      const { text, values } = stampStatement(stamp);
      await client.query(text, [...values]);
    }
    await client.query(`DECLARE isolation_check CURSOR FOR SELECT to_jsonb(t) AS row FROM ${table} t`);
    return JSON.stringify((await client.query('FETCH ALL FROM isolation_check')).rows);
  } catch (error) {
    if (error instanceof pg.DatabaseError) return '';
    throw error;
  } finally {
    await client.query('ROLLBACK');
  }
}

function isElsewhere(self: TestedTenant, other: TestedTenant): boolean {
  return self.target.id !== other.target.id;
}

function connects({ target }: TestedTenant, other: TestedTenant): Finding {
  const message = `may connect to ${other.target.database}, the database of another tenant: revoke CONNECT`;
  return { code: 'ROLE_BYPASSES_POLICIES', where: `login role ${target.role}`, message };
}

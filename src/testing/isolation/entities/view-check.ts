import type { DataSource, EntityManager } from 'typeorm';
import type { PoolOptions } from '../../../database/pool/pool-options.js';
import { queryServer } from '../../../doctor/diagnosis/query-server.js';
import type { Finding } from '../finding.js';
import { secretsOf } from '../tables/tenant-rows.js';
import type { TestedRows } from '../tables/tested-rows.js';
import type { TestedTenant } from '../tested-tenant.js';

interface Readable {
  /** `view all_notes`, `function note_count` */
  readonly name: string;
  readonly expression: string;
}

// As the login role sees them: those that it may use. A function that needs arguments is left out, as are those of extensions.
const READABLE = `
  SELECT 'view ' || c.relname AS name,
    format('%I.%I', n.nspname, c.relname) AS expression
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('v', 'm') AND n.nspname IN ($1, 'public') AND has_table_privilege(c.oid, 'SELECT')
  UNION ALL
  SELECT 'function ' || p.proname, format('%I.%I()', n.nspname, p.proname)
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE p.prokind = 'f' AND p.pronargs = p.pronargdefaults AND n.nspname IN ($1, 'public')
    AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype) AND has_function_privilege(p.oid, 'EXECUTE')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
  ORDER BY 1`;

/** Reads, in the context of one tenant, all views and functions that its login role may use. */
export async function checkViews(
  dataSource: DataSource,
  rows: TestedRows,
  self: TestedTenant,
  other: TestedTenant,
  pool: PoolOptions,
): Promise<Finding[]> {
  const own = new Set(rows.of(self).flatMap(secretsOf));
  const secrets = rows
    .of(other)
    .flatMap(secretsOf)
    .filter((secret) => !own.has(secret));
  const { rows: readable } = await queryServer(self.target, pool, (client) =>
    client.query<Readable>(READABLE, [self.schema]),
  );
  const findings: Finding[] = [];
  for (const { name, expression } of readable) {
    const result = await read(dataSource, expression);
    if (!secrets.some((secret) => result.includes(secret))) continue;
    findings.push({ code: 'ENTITY_READS_OTHER_TENANT', where: name, message: "it returns another tenant's rows" });
  }
  return findings;
}

/** A function that fails shows nothing; what it changes is undone. */
async function read(dataSource: DataSource, expression: string): Promise<string> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.startTransaction();
    const manager: Pick<EntityManager, 'query'> = runner.manager;
    return JSON.stringify(await manager.query(`SELECT * FROM ${expression}`));
  } catch {
    return '';
  } finally {
    await runner.rollbackTransaction().catch(() => undefined);
    await runner.release();
  }
}

import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type pg from 'pg';
import type { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import { type CopyPlace, rowsOf } from '../../database/copy/copy-place.js';
import { type CopiedTable, copiedTables } from '../../database/copy/tables/copied-tables.js';
import { createStamp, type Stamp, stampStatement } from '../../database/statements/stamps/stamp.js';
import { ADOPTING, findTableProblems } from '../../database/table-migrations/verification/table-problems.js';
import { TargetDatabases } from '../targets/target-databases.js';
import { DrillNotIsolatedError } from './backups.errors.js';

/** What was shown of the restored tables. */
export interface ShownIsolation {
  /** Tables of tenants, each with row-level security and its policies. */
  readonly tables: number;
  /** Rows that the login role sees under the tenant's stamp: all of them, and none otherwise. */
  readonly rows: number;
}

/** Rows of a table that a connection sees. */
interface SeenRows {
  readonly all: number;
  readonly own: number;
}

/** Shows that restored tables keep tenants apart: by their policies, and by what the login role sees of them. */
@Injectable()
export class DrillIsolation {
  constructor(private readonly targets: TargetDatabases) {}

  /**
   * @param place as the owner sees it; it has the rows of this tenant only
   * @throws DrillNotIsolatedError, the errors of TargetDatabases.useAsLogin
   */
  async show(
    place: CopyPlace,
    target: ConnectionTargetEntity,
    tenantId: string,
    signal: AbortSignal,
  ): Promise<ShownIsolation> {
    await assertPolicies(place, target);
    const tables = (await copiedTables(place.client, place.schema)).flat();
    let rows = 0;
    await this.targets.useAsLogin(
      target,
      async (client, key) => {
        const none = { all: 0, own: 0 };
        const other = createStamp(randomUUID(), place.schema, { key });
        const own = createStamp(tenantId, place.schema, { key });
        const forged = { ...own, proof: '0'.repeat(64) };
        for (const table of tables) {
          const expected = await seen(place.client, place, table, tenantId);
          const see = (stamp?: Stamp) => stamped(client, stamp, () => seen(client, place, table, tenantId));
          assertSeen(table, 'without a stamp', await see(), none);
          assertSeen(table, "under another tenant's stamp", await see(other), none);
          assertSeen(table, 'under a stamp with a wrong proof', await see(forged), none);
          assertSeen(table, "under the tenant's stamp", await see(own), { all: expected.own, own: expected.own });
          rows += expected.own;
        }
      },
      { signal },
    );
    return { tables: tables.length, rows };
  }
}

async function assertPolicies({ client, schema }: CopyPlace, { adopted, role }: ConnectionTargetEntity): Promise<void> {
  const found = await findTableProblems(client, [schema], { hasTables: false, ...(adopted && { besides: role }) });
  const problem = found.find((one) => one.problem !== ADOPTING);
  if (problem) throw new DrillNotIsolatedError(problem.table ?? schema, problem.problem);
}

async function seen(client: pg.Client, place: CopyPlace, table: CopiedTable, tenantId: string): Promise<SeenRows> {
  const { rows } = await client.query<SeenRows>(
    `SELECT count(*)::float8 AS all, count(*) FILTER (WHERE tenant_id = $1)::float8 AS own FROM ${rowsOf(place, table)}`,
    [tenantId],
  );
  return rows[0] ?? { all: 0, own: 0 };
}

/** In a transaction that ends with the stamp. */
async function stamped<T>(client: pg.Client, stamp: Stamp | undefined, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN READ ONLY');
  try {
    if (stamp) {
      const { text, values } = stampStatement(stamp);
      await client.query(text, [...values]);
    }
    return await work();
  } finally {
    await client.query('ROLLBACK').catch(() => undefined); // on a lost connection the error of the work is thrown
  }
}

function assertSeen({ name }: CopiedTable, when: string, found: SeenRows, expected: SeenRows): void {
  if (found.all === expected.all && found.own === expected.own) return;
  throw new DrillNotIsolatedError(
    name,
    `shows its login role ${found.all} rows ${when}, and must show ${expected.all}`,
  );
}

import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { CopyPlace } from '../../../src/database/copy/copy-place.js';
import { digestRows, type TableDigest } from '../../../src/database/copy/digests.js';
import { copyNotedRows, type NotedCopyOptions } from '../../../src/database/copy/resuming/copy-noted-rows.js';
import { copiedTables } from '../../../src/database/copy/tables/copied-tables.js';
import { COPIED, ensureGateObjects } from '../../../src/database/gates/gate-objects.js';
import { ensureIsolationFunctions } from '../../../src/database/isolation/isolation-functions.js';
import { afterStatement } from './after-statement.js';
import { type CopyRig, run } from './copy-rig.js';
import { noteChanges } from './noted-changes.js';

type Limits = Partial<Omit<NotedCopyOptions, 'copyId'>>;

let number = 0;

/** A copy of a tenant's rows whose process is killed again and again. Changes at the source are noted from its beginning. */
export class InterruptedCopy {
  readonly copyId = randomUUID();
  readonly tenantId = randomUUID();

  private constructor(
    private readonly rig: CopyRig,
    readonly from: CopyPlace,
    readonly to: CopyPlace,
  ) {}

  /** @param rows statements that make the rows; `$t` is the tenant */
  static async start(
    rig: CopyRig,
    rows: string,
    { ddl, isFromAlone = false }: { readonly ddl: string; readonly isFromAlone?: boolean },
  ): Promise<InterruptedCopy> {
    number += 1;
    const from = await rig.place(`interrupted_from_${number}`, { ddl, isAlone: isFromAlone });
    const to = await rig.place(`interrupted_to_${number}`, { ddl, isAlone: !isFromAlone, database: 'second' });
    const copy = new InterruptedCopy(rig, from, to);
    await run(from, copy.tenantId, rows);
    await noteChanges(from, copy.tenantId);
    await ensureIsolationFunctions(to.client);
    await ensureGateObjects(to.client);
    return copy;
  }

  change(sql: string): Promise<void> {
    return run(this.from, this.tenantId, sql);
  }

  /** Goes on to the end. @returns the rows that were copied at first and at last, as reported */
  async finish(limits: Limits = {}, copyId = this.copyId): Promise<{ first: number; last: number }> {
    const reports: number[] = [];
    const onProgress = (rows: number): void => void reports.push(rows);
    const signal = new AbortController().signal;
    await copyNotedRows(this.from, this.to, this.tenantId, { signal, copyId, onProgress, ...limits });
    return { first: reports[0] ?? 0, last: reports.at(-1) ?? 0 };
  }

  /**
   * Kills both connections of an attempt behind so many commits at the destination.
   *
   * @param what commits of rows that were copied, or also of what is removed and applied before
   * @param between runs after each of the others, while the copy goes on
   * @returns false when the copy had ended before
   */
  async killAfter(
    [commits, what]: readonly [number, 'rows' | 'any'],
    limits: Limits = {},
    between?: () => Promise<void>,
  ): Promise<boolean> {
    const { rig, from, to, tenantId, copyId } = this;
    const [reading, writing] = [await rig.connect(), await rig.connect('second')];
    let left = commits;
    let hasRows = false;
    const marked = afterStatement(writing, `INSERT INTO ${COPIED}`, async () => void (hasRows = true));
    const counted = afterStatement(marked, 'COMMIT', async () => {
      if (what === 'rows' && !hasRows) return;
      hasRows = false;
      left -= 1;
      if (left > 0) return between?.();
      await this.rig.databases.second.admin(`SELECT pg_terminate_backend(${await pidOf(writing)})`);
      await this.rig.databases.first.admin(`SELECT pg_terminate_backend(${await pidOf(reading)})`);
      throw new Error('killed');
    });
    const { signal } = new AbortController();
    const source = { ...from, client: reading };
    const goal = { ...to, client: counted };
    try {
      await copyNotedRows(source, goal, tenantId, { signal, copyId, ...limits });
    } catch (error) {
      if (left > 0) throw error;
      return true;
    }
    return false;
  }

  async digests(place: CopyPlace): Promise<TableDigest[]> {
    return digestRows(place, (await copiedTables(this.from.client, this.from.schema)).flat(), this.tenantId);
  }

  /** The transaction that wrote each row at the destination, by the row's text. */
  async writers(table: string): Promise<Map<string, string>> {
    const { rows } = await this.to.client.query<{ row: string; writer: string }>(
      `SELECT t::text AS row, t.xmin::text AS writer FROM ${this.to.schema}.${table} t WHERE tenant_id = $1`,
      [this.tenantId],
    );
    return new Map(rows.map(({ row, writer }) => [row, writer]));
  }
}

async function pidOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]!.pid;
}

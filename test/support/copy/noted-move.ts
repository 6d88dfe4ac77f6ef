import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import { applyChanges } from '../../../src/database/copy/apply-changes.js';
import { type CopiedTable, copiedTables } from '../../../src/database/copy/tables/copied-tables.js';
import type { CopyPlace } from '../../../src/database/copy/copy-place.js';
import { copyRows } from '../../../src/database/copy/copy-rows.js';
import { digestRows, type TableDigest } from '../../../src/database/copy/digests.js';
import { type CopyRig, run } from './copy-rig.js';
import { noteChanges } from './noted-changes.js';
import { SHOP } from './shop-tables.js';

export const MOVED = randomUUID();
export const OTHER = randomUUID();

const signal = new AbortController().signal;
let number = 0;

/** Two places that are the same after a first copy of the tenant `MOVED`; what changes at the first one since is noted. */
export class NotedMove {
  private constructor(
    readonly from: CopyPlace,
    readonly to: CopyPlace,
    private readonly tables: readonly CopiedTable[],
  ) {}

  /** @param rows statements that make the rows of the first copy */
  static async start(rig: CopyRig, rows = '', { ddl = SHOP, isToAlone = true } = {}): Promise<NotedMove> {
    number += 1;
    const from = await rig.place(`from_${number}`, { ddl, isAlone: !isToAlone });
    const to = await rig.place(`to_${number}`, { ddl, isAlone: isToAlone, database: 'second' });
    await noteChanges(from, MOVED);
    await run(from, MOVED, `${rows}; DELETE FROM tenantry_isolation.changes`);
    await copyRows(from, to, MOVED, { signal });
    return new NotedMove(from, to, (await copiedTables(from.client, from.schema)).flat());
  }

  apply(): Promise<number> {
    return applyChanges(this.from, this.to, MOVED, signal);
  }

  digests(place: CopyPlace, tenant = MOVED): Promise<TableDigest[]> {
    return digestRows(place, this.tables, tenant);
  }

  async expectEqual(): Promise<void> {
    expect(await this.digests(this.to)).toEqual(await this.digests(this.from));
  }
}

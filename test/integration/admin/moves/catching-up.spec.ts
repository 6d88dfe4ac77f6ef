import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import type { OpenPlace } from '../../../../src/admin/moves/move-places.js';
import { FEW_CHANGES, SwitchOver } from '../../../../src/admin/moves/switching/switch-over.js';
import type { CopyPlace } from '../../../../src/database/copy/copy-place.js';
import { TenantGate } from '../../../../src/database/gates/tenant-gate.js';
import { afterStatement } from '../../../support/copy/after-statement.js';
import { CopyRig, run } from '../../../support/copy/copy-rig.js';
import { MOVED, NotedMove } from '../../../support/copy/noted-move.js';
import { SHOP } from '../../../support/copy/shop-tables.js';

/** So many that the tenant stops by itself if the move waits for that. */
const MOST_TRANSACTIONS = 50;

let rig: CopyRig;

beforeAll(async () => {
  rig = await CopyRig.start(SHOP);
});

afterAll(() => rig.stop());

function opened(copyPlace: CopyPlace): OpenPlace {
  const gate = new TenantGate(copyPlace.client, MOVED, copyPlace.schema);
  return { ...copyPlace, gate, place: { tenantId: MOVED } as OpenPlace['place'] };
}

it('a move catches up with a tenant that never stops changing its rows', async () => {
  const rows = `INSERT INTO customers SELECT $t, n, 'mail ' || n FROM generate_series(1, ${2 * FEW_CHANGES}) n`;
  const { from, to } = await NotedMove.start(rig, rows);
  const tenant = { ...from, client: await rig.connect() };
  let transactions = 0;
  const client = afterStatement(from.client, 'BEGIN', async () => {
    if (transactions === MOST_TRANSACTIONS) return;
    await run(tenant, MOVED, `UPDATE customers SET email = ${(transactions += 1)} || '-' || id`);
  });
  const switching = new SwitchOver({} as DataSource);
  const applied = await switching.catchUp(opened({ ...from, client }), opened(to), new AbortController().signal);
  expect(applied).toBeGreaterThan(FEW_CHANGES);
  expect(transactions).toBeLessThan(MOST_TRANSACTIONS);
});

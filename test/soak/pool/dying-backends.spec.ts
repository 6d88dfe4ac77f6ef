import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openPool, type TestTenant, tenantIn } from '../../support/statements/notes-database.js';
import { numbers, SharingRig } from '../../support/statements/sharing-rig.js';

const INSERT = 'INSERT INTO notes (body) VALUES ($1) /* shared */';

let rig: SharingRig;

beforeAll(async () => {
  rig = await SharingRig.create();
});

afterAll(() => rig.database.drop());

describe('200 callers of 20 tenants whose backends die', () => {
  const tenants = numbers(20).map(() => tenantIn('shared'));
  const OWN = `SELECT tenant_id, body, current_setting('app.tenant_id') AS stamp FROM notes /* shared */`;

  it('read only their own rows, lose few statements, and write nothing twice', async () => {
    rig.pool = openPool('pooled', rig.database.target, { size: 4 });
    const kept: string[] = [];
    let deepest = 0;
    let deaths = 0;
    let lost = 0;
    const left = { callers: 200 };
    /** A lower bound: waiting callers are counted once per tenant. */
    const placesTaken = (): number => rig.pool.tenantsInUse().length - tenants.length;
    const work = async (index: number): Promise<void> => {
      const tenant = tenants[index % tenants.length] as TestTenant;
      for (const n of numbers(25)) {
        const reading = rig.query(tenant, OWN, []);
        deepest = Math.max(deepest, placesTaken() / Math.max(1, rig.pool.counts().busy));
        const rows = await reading.then(
          (answer) => answer.rows,
          (error: Error) => void (lost += isDeath(error)),
        );
        const foreign = rows?.filter((row) => row.tenant_id !== tenant.id || row.stamp !== tenant.id);
        expect(foreign ?? []).toEqual([]);
        if (n % 8 !== 0) continue;
        const body = `${index} ${n}`;
        await rig.query(tenant, INSERT, [body]).then(
          () => kept.push(body),
          (error: Error) => (lost += isDeath(error)),
        );
      }
      left.callers -= 1;
    };
    const kill = async (): Promise<void> => {
      while (left.callers > 0) {
        deaths += (
          await rig.database.admin(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE usename = $1 ORDER BY random() LIMIT 1`,
            [rig.database.role],
          )
        ).length;
        await rig.database.admin('SELECT pg_sleep(0.02)');
      }
    };
    await Promise.all([...numbers(200).map(work), kill()]);
    const bodies = (await rig.database.admin<{ body: string }>('SELECT body FROM shared.notes')).map(
      ({ body }) => body,
    );
    expect(new Set(bodies).size).toBe(bodies.length);
    expect(kept.filter((body) => !bodies.includes(body))).toEqual([]);
    expect(deaths).toBeGreaterThan(3);
    expect(deepest).toBeGreaterThan(2);
    expect(lost).toBeLessThan(deaths * 4);
    expect(rig.pool.counts()).toMatchObject({ busy: 0, waiting: 0 });
    await rig.pool.end();
    await rig.database.admin('DELETE FROM shared.notes');
  });

  function isDeath(error: Error & { code?: string }): number {
    if (error.code === '57P01' || /Connection terminated|not queryable|ECONNRESET|EPIPE/.test(error.message)) return 1;
    throw error;
  }
});

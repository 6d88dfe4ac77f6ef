import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { UnsignedStamps } from '../../../../src/database/isolation/isolation-functions.js';
import { HOSTILE_SQL } from '../../../support/isolation/hostile-sql/hostile-sql.js';
import { ORACLES } from '../../../support/isolation/hostile-sql/oracles.js';
import { type Finding, HostileSession, wayAt, WAYS } from '../../../support/isolation/hostile-session.js';
import { ISOLATIONS, Neighbours } from '../../../support/isolation/neighbours.js';

/** Every ninth attack, in one isolation each: the soak shard `isolation` runs all of them in every way, in each isolation. */
const STEP = 9;

describe.each(ISOLATIONS)('hostile SQL as the login role, in %s isolation', (isolation) => {
  const share = ISOLATIONS.indexOf(isolation);
  let neighbours: Neighbours;
  let session: HostileSession;

  beforeAll(async () => {
    neighbours = await Neighbours.create(isolation);
    session = await HostileSession.open(neighbours);
  });

  afterAll(async () => {
    await session.close();
    await neighbours.close();
  });

  it.each(Object.entries(HOSTILE_SQL))(
    'reads and changes no row of another tenant, and leaves nothing for it (%s)',
    async (kind, attacks) => {
      const findings: Finding[] = [];
      for (const [index, attack] of attacks.entries()) {
        if (index % (ISOLATIONS.length * STEP) !== share * STEP) continue;
        findings.push(...(await session.attack(attack, wayAt(index, attack, kind), kind)));
      }
      expect(findings).toEqual([]);
    },
  );

  it.each(ORACLES)('tells nothing by its answer to %s', async (text) => {
    const known = await session.answerAbout(neighbours.customerOfB, text);
    expect(known).toBe(await session.answerAbout(randomUUID(), text));
  });
});

describe('the suite of hostile SQL', () => {
  const READ = `SELECT * FROM {b}.customers WHERE tenant_id = '{B}'`;
  const STAMP = `SELECT set_config('app.tenant_id', '{B}', false), set_config('app.tenant_proof', '', false)`;

  /** What it finds in a database that the owner has weakened. */
  async function findingsIn(
    weakened: { readonly unsigned?: UnsignedStamps; readonly by?: string },
    work: (session: HostileSession) => Promise<Finding[]>,
  ): Promise<string> {
    const neighbours = await Neighbours.create('row', weakened);
    const session = await HostileSession.open(neighbours);
    try {
      // The tables have what weakens them before the attack.
      if (weakened.by !== undefined) await session.weaken(weakened.by);
      return JSON.stringify((await work(session)).map(({ what }) => what));
    } finally {
      await session.close();
      await neighbours.close();
    }
  }

  it('notices rows that a database shows to a stamp without a proof', async () => {
    const found = await findingsIn({ unsigned: 'accepted' }, (session) => session.attack([STAMP, READ], 'unstamped'));
    expect(found).toContain('read secret');
  });

  it('notices rows that a database lets a stamp without a proof change', async () => {
    const found = await findingsIn({ unsigned: 'accepted' }, (session) =>
      session.attack([STAMP, `UPDATE {b}.customers SET name = 'taken'`], 'unstamped'),
    );
    expect(found).toContain('changed rows of B');
    expect(found).toContain('B got');
  });

  it.each([
    [`DROP POLICY tenant_select ON app.customers; CREATE POLICY tenant_select ON app.customers USING (true)`, READ],
    [`ALTER TABLE app.customers DISABLE ROW LEVEL SECURITY`, READ],
    [
      `GRANT USAGE ON SCHEMA tenantry_isolation TO PUBLIC; GRANT SELECT ON tenantry_isolation.keys TO PUBLIC`,
      `TABLE tenantry_isolation.keys`,
    ],
  ])('notices what is read after %s', async (by, attack) => {
    await findingsIn({ by }, async (session) => {
      for (const way of WAYS) expect((await session.attack(attack, way))[0]?.what).toMatch(/^read /);
      return [];
    });
  });

  it('notices values that come back in an error, or in the notice of a function', async () => {
    const by = `ALTER TABLE app.customers DISABLE ROW LEVEL SECURITY`;
    const error = `SELECT name::int FROM {b}.customers WHERE tenant_id = '{B}'`;
    const notice = `DO $$ BEGIN RAISE NOTICE '%', (SELECT max(name) FROM {b}.customers WHERE tenant_id = '{B}'); END $$`;
    await findingsIn({ by }, async (session) => {
      for (const text of [error, notice])
        expect((await session.attack(text, 'transaction'))[0]?.what).toMatch(/^read /);
      return [];
    });
  });
});

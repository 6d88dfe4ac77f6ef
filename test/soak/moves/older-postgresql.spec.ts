import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { describeIf } from '../../support/describe-if.js';
import { MovingRig } from '../../support/moves/moving-rig.js';
import { hasDebianPostgres } from '../../support/postgres/debian-postgres.js';
import { OlderServer } from '../../support/postgres/older-server.js';
import { npmPostgres } from '../../support/postgres/npm-postgres.js';
import { registerServer } from '../../support/postgres/other-server.js';

const LONGEST_MS = 20 * 60_000;

/** From shared tables of the catalog's server (18), by each pair of isolations between both servers, and within the older one. */
const WALK = [
  ['schema', 'older'],
  ['database', 'default'],
  ['row', 'older'],
  ['database', 'older'],
  ['row', 'default'],
] as const;

function movesBetween(major: number, start: () => Promise<OlderServer>): void {
  let rig: MovingRig;
  let older: OlderServer;

  beforeAll(async () => {
    older = await start();
    rig = await MovingRig.start();
    const { host, port, owner, ownerPassword } = older.server;
    await registerServer(rig.app, 'older', { host, port, owner, ownerPassword });
  }, LONGEST_MS);
  afterAll(async () => {
    process.stderr.write(`${rig.reports.join('\n')}\n`);
    await rig.stop();
    await older.stop();
  });

  it('has a server of that version', async () => {
    const { host, port, superuser: user, superuserPassword: password } = older.server;
    const client = new pg.Client({ host, port, user, password, database: 'postgres' });
    await client.connect();
    const { rows } = await client.query<{ version: number }>(
      `SELECT current_setting('server_version_num')::int / 10000 AS version`,
    );
    await client.end();
    expect(rows).toEqual([{ version: major }]);
  });

  it(
    'moves in both directions, for good and back, and is served all the time',
    async () => {
      await rig.underLoad(async () => {
        for (const [isolation, server] of WALK) {
          await rig.operate('move', { isolation, server });
          expect(await rig.tenant()).toMatchObject({ isolation, server, status: 'active' });
          await rig.operate('move/finish');
        }
        await rig.operate('move', { isolation: 'schema', server: 'older' });
        await rig.operate('move/back');
        expect(await rig.tenant()).toMatchObject({ isolation: 'row', server: 'default' });
      });
      expect(await rig.unfinished()).toBe(0);
    },
    LONGEST_MS,
  );
}

describe('a tenant', () => {
  describeIf(hasDebianPostgres(15), "Debian's postgresql-15", 'between PostgreSQL 15 and 18', () =>
    movesBetween(15, () => OlderServer.start(15)),
  );

  describe.each([16, 17] as const)('between PostgreSQL %i and 18', (major) =>
    movesBetween(major, async () => OlderServer.start(major, await npmPostgres(major))),
  );
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeIf } from '../../support/describe-if.js';
import { MovingRig } from '../../support/moves/moving-rig.js';
import { hasDebianPostgres } from '../../support/postgres/debian-postgres.js';
import { DebianServer } from '../../support/postgres/debian-server.js';
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

describe('a tenant', () => {
  describeIf(hasDebianPostgres(15), "Debian's postgresql-15", 'between PostgreSQL 15 and 18', () => {
    let rig: MovingRig;
    let older: DebianServer;

    beforeAll(async () => {
      older = await DebianServer.start(15);
      rig = await MovingRig.start();
      const { host, port, owner, ownerPassword } = older.server;
      await registerServer(rig.app, 'older', { host, port, owner, ownerPassword });
    });
    afterAll(async () => {
      process.stderr.write(`${rig.reports.join('\n')}\n`);
      await rig.stop();
      await older.stop();
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
  });
});

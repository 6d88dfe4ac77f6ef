import { afterAll, beforeAll } from '@jest/globals';
import { describeIf } from '../../support/describe-if.js';
import { hostileSqlSuite } from '../../support/isolation/hostile-suite.js';
import { hasDebianPostgres } from '../../support/postgres/debian-postgres.js';
import { DebianServer } from '../../support/postgres/debian-server.js';

describeIf(hasDebianPostgres(15), "Debian's PostgreSQL 15", 'on PostgreSQL 15', () => {
  const embedded = process.env['TEST_POSTGRES'];
  let debian: DebianServer;

  beforeAll(async () => {
    debian = await DebianServer.start(15);
    process.env['TEST_POSTGRES'] = JSON.stringify(debian.server);
  });

  afterAll(async () => {
    process.env['TEST_POSTGRES'] = embedded;
    await debian.stop();
  });

  hostileSqlSuite();
});

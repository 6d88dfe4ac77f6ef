import { afterAll, beforeAll, describe } from '@jest/globals';
import { markedOperatorsSuite } from '../../support/leakproof/marked-operators-suite.js';
import { refusedOperatorsSuite } from '../../support/leakproof/refused-operators-suite.js';
import { hasDebianPostgres } from '../../support/postgres/debian-postgres.js';
import { OlderServer } from '../../support/postgres/older-server.js';

// Not `describeIf`: in CI the integration suite runs on each supported version.
(hasDebianPostgres(15) ? describe : describe.skip)("on Debian's PostgreSQL 15", () => {
  const embedded = process.env['TEST_POSTGRES'];
  let debian: OlderServer;

  beforeAll(async () => {
    debian = await OlderServer.start(15);
    process.env['TEST_POSTGRES'] = JSON.stringify(debian.server);
  });

  afterAll(async () => {
    process.env['TEST_POSTGRES'] = embedded;
    await debian.stop();
  });

  markedOperatorsSuite();
  refusedOperatorsSuite({ exceedsStack: true });
});

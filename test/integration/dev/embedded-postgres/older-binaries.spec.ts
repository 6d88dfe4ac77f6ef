import { expect, it } from '@jest/globals';
import { join } from 'node:path';
import { createData } from '../../../../src/dev/embedded-postgres/initial-data.js';
import { findData, prepareDataDir } from '../../../../src/dev/embedded-postgres/data-directory.js';
import { startServer, stopServer } from '../../../../src/dev/embedded-postgres/server-start.js';
import { findServiceAccount } from '../../../../src/dev/embedded-postgres/service-account.js';
import { describeIf } from '../../../support/describe-if.js';
import { debianPrograms, hasDebianPostgres } from '../../../support/postgres/debian-postgres.js';
import { FAST, PASSWORDS, removeFolder, temporaryFolder } from '../../../support/postgres/embedded-server.js';

const MAJOR = 15;

describeIf(
  hasDebianPostgres(MAJOR),
  `Debian's PostgreSQL ${MAJOR}`,
  'the data that binaries before PostgreSQL 17 create',
  () => {
    it('has checksums and the case rules of Unicode, too', async () => {
      const dataDir = await temporaryFolder();
      const account = await findServiceAccount(undefined);
      const program = (name: string): string => join(debianPrograms(MAJOR), name);
      const binaries = { initdb: program('initdb'), postgres: program('postgres'), major: String(MAJOR) };
      const superuserPassword = PASSWORDS.superuser;
      try {
        await prepareDataDir(dataDir);
        await createData({ dataDir, systemDir: dataDir, account, binaries, superuserPassword, sync: false });
        const data = await findData(dataDir);
        if (!data) throw new Error('no data');
        const { server, superuser } = await startServer({
          ...{ account, binaries, dataDir, data, superuserPassword, settings: FAST, port: undefined, onLog: undefined },
        });
        const { rows } = await superuser.query(
          `SELECT current_setting('data_checksums') AS checksums, lower('ÄÖ') AS lower, 'B' < 'a' AS bytewise`,
        );
        await superuser.end();
        await stopServer(server);
        expect(rows).toEqual([{ checksums: 'on', lower: 'äö', bytewise: true }]);
      } finally {
        await removeFolder(dataDir);
      }
    });
  },
);

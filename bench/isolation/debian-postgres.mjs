import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findData } from '../../dist/dev/embedded-postgres/data-directory.js';
import { startServer, stopServer } from '../../dist/dev/embedded-postgres/server-start.js';
import { findServiceAccount, spawnOptions } from '../../dist/dev/embedded-postgres/service-account.js';
import { Postgres, SETTINGS } from '../harness/postgres.mjs';

const MAJOR = '15';
const PROGRAMS = `/usr/lib/postgresql/${MAJOR}/bin`;

export const DEBIAN = join(PROGRAMS, 'postgres');

/** Debian's PostgreSQL in a temporary folder, with the settings of the embedded one. */
export async function startDebian(cleanup) {
  const dataDir = await mkdtemp(join(tmpdir(), 'tenantry-bench-'));
  cleanup.add(() => rm(dataDir, { recursive: true, force: true }));
  const account = await findServiceAccount(undefined);
  if (account) await chown(dataDir, account.uid, account.gid);
  const superuserPassword = randomBytes(12).toString('hex');
  const [data, passwordFile] = [join(dataDir, 'postgres'), join(dataDir, 'password')];
  await mkdir(data, { mode: 0o700 });
  await writeFile(passwordFile, superuserPassword);
  if (account) await chown(data, account.uid, account.gid);
  const settings = ['--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8'];
  execFileSync(join(PROGRAMS, 'initdb'), ['-D', data, ...settings, '--locale=C', '--no-sync'], {
    ...spawnOptions(account),
    stdio: 'ignore',
  });
  const binaries = { initdb: join(PROGRAMS, 'initdb'), postgres: DEBIAN, major: MAJOR };
  const { server, port, superuser } = await startServer({
    ...{ account, binaries, dataDir, data: await findData(dataDir), settings: SETTINGS, superuserPassword },
  });
  cleanup.add(() => stopServer(server));
  const { rows } = await superuser.query('SHOW server_version');
  cleanup.add(() => superuser.end());
  return Object.assign(new Postgres(), {
    superuserUrl: `postgres://postgres:${superuserPassword}@127.0.0.1:${port}/postgres`,
    client: superuser,
    version: rows[0].server_version,
  });
}

import { execFileSync } from 'node:child_process';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DATA_NAME, findData } from '../../../src/dev/embedded-postgres/data-directory.js';
import { ensureOwnerDatabase } from '../../../src/dev/embedded-postgres/owner-database.js';
import type { ParentWatch } from '../../../src/dev/embedded-postgres/parent-watch.js';
import { startServer, stopServer } from '../../../src/dev/embedded-postgres/server-start.js';
import {
  findServiceAccount,
  type ServiceAccount,
  spawnOptions,
} from '../../../src/dev/embedded-postgres/service-account.js';
import { debianPrograms } from './debian-postgres.js';
import { FAST, PASSWORDS, removeFolder, temporaryFolder } from './embedded-server.js';
import type { TestServer } from './postgres.js';

/** A server of another major version than the embedded one. */
export class OlderServer {
  private constructor(
    private readonly folder: string,
    private readonly process: ParentWatch,
    readonly server: TestServer,
  ) {}

  /** @param folder of its programs, by default those of Debian */
  static async start(major: number, folder = debianPrograms(major)): Promise<OlderServer> {
    const dataDir = await temporaryFolder();
    const account = await findServiceAccount(undefined);
    const binaries = { initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres'), major: String(major) };
    const { superuser: superuserPassword, owner: ownerPassword } = PASSWORDS;
    await initdb(binaries.initdb, dataDir, account);
    const data = await findData(dataDir);
    if (!data) throw new Error(`no data in ${dataDir}`);
    const { server, port, superuser } = await startServer({
      ...{ account, binaries, dataDir, data, settings: FAST, port: undefined, onLog: undefined, superuserPassword },
    });
    await ensureOwnerDatabase(superuser, ownerPassword);
    await superuser.end();
    server.unref();
    const address = { host: '127.0.0.1', port };
    return new OlderServer(dataDir, server, {
      ...address,
      ...{ superuser: 'postgres', superuserPassword, owner: 'tenantry', ownerPassword },
    });
  }

  async stop(): Promise<void> {
    await stopServer(this.process);
    await removeFolder(this.folder);
  }
}

async function initdb(program: string, dataDir: string, account: ServiceAccount | undefined): Promise<void> {
  const [data, passwordFile] = [join(dataDir, DATA_NAME), join(dataDir, 'password')];
  await mkdir(data, { mode: 0o700 });
  await writeFile(passwordFile, PASSWORDS.superuser);
  if (account) await chown(data, account.uid, account.gid);
  const settings = ['--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8'];
  execFileSync(program, ['-D', data, ...settings, '--locale=C', '--no-sync'], {
    ...spawnOptions(account),
    stdio: 'ignore',
  });
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { noProcessNames, query, removeFolder, temporaryFolder } from '../../support/postgres/embedded-server.js';

const LINGER_SECONDS = '4';
const SCRIPT = 'test/support/postgres/shared-user.mjs';

describe('a shared PostgreSQL', () => {
  let folder: string;
  const users: ChildProcess[] = [];
  beforeEach(async () => void (folder = await temporaryFolder()));
  afterEach(async () => {
    await Promise.all(users.splice(0).map(kill));
    await noProcessNames(folder);
    await removeFolder(folder);
  });

  /** A process that joins the server of a project. @returns it, and the server's URL */
  async function startUser(): Promise<{ user: ChildProcess; url: string }> {
    const user = spawn(process.execPath, [SCRIPT, 'project', LINGER_SECONDS], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, TMPDIR: folder },
    });
    users.push(user);
    const lines = createInterface({ input: user.stdout })[Symbol.asyncIterator]();
    const { value } = (await lines.next()) as { value: string };
    return { user, url: value };
  }

  it('is one server for all, on 127.0.0.1 only, and ends some time after the last user, killed or not', async () => {
    const [first, second] = await Promise.all([startUser(), startUser()]);
    expect(first.url).toBe(second.url);
    expect(await query(first.url, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
    await kill(first.user);
    await query(second.url, 'CREATE TABLE still_there (id int)');
    await kill(second.user);
    const third = await startUser(); // the next of the run, in time
    expect(third.url).toBe(first.url);
    await kill(third.user);
    await noProcessNames(folder, 20_000);
    const [project = ''] = await readdir(folder);
    const [server = ''] = (await readdir(join(folder, project))).filter((name) => name.startsWith('server-'));
    const left = await readdir(join(folder, project, server, 'postgres')).catch(() => []);
    expect(left).toEqual([]);
  });
});

async function kill(user: ChildProcess): Promise<void> {
  if (user.exitCode !== null || user.signalCode !== null) return;
  user.kill('SIGKILL');
  await once(user, 'exit');
}

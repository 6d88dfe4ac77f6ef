import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chown, copyFile, realpath, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { processesNaming, removeFolder, temporaryFolder } from '../../support/postgres/embedded-server.js';
import { Service } from '../../support/processes/service.js';
import { Cli, settings } from '../../support/cli/cli.js';

let folder: string;
let cli: Cli;

beforeAll(async () => {
  folder = await temporaryFolder();
  cli = new Cli(settings(randomBytes(32).toString('base64'), folder));
});

afterAll(() => removeFolder(folder));

/** What runs on the data, wherever that lies. */
async function servers(): Promise<string[]> {
  return processesNaming(await realpath(join(folder, 'postgres')));
}

describe('the CLI with embedded PostgreSQL', () => {
  it('starts it for the duration of a command when no server runs', async () => {
    const ran = await cli.spawn('tenants', 'create', 'alone', '--isolation', 'database', '--json');
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.json.tenant).toMatchObject({ slug: 'alone', status: 'active' });
    expect(await servers()).toEqual([]);
    expect(existsSync(join(folder, 'postgres', 'postmaster.pid'))).toBe(false);
  });

  it('shares it between commands that run at once', async () => {
    const ran = await Promise.all([1, 2].map(() => cli.spawn('tenants', '--json')));
    for (const { code, stderr } of ran) expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(await servers()).toEqual([]);
  });

  it('uses that of a running server and leaves it running', async () => {
    const service = await Service.start({ ...cli.env, ENABLE_DEMO_TENANTS: 'false' }, folder);
    try {
      const token = await cli.json('keys', 'create', 'alone');
      const call = () => fetch(`${service.url}/api/v1/tenant`, { headers: { authorization: `Bearer ${token.token}` } });
      expect((await call()).status).toBe(200);
      expect((await cli.json('tenants', 'suspend', 'alone')).status).toBe('suspended');
      expect((await call()).status).toBe(403);
      expect((await cli.json('tenants', 'resume', 'alone')).status).toBe('active');
      expect((await call()).status).toBe(200);
      expect(await cli.json('doctor')).toMatchObject({ healthy: true });
      // A crash leaves the file that names process and port behind; here it is one of a server that still runs.
      await copyFile(join(folder, 'postgres', 'postmaster.pid'), join(folder, 'left-behind'));
    } finally {
      service.signal('SIGTERM');
      await new Promise((resolve) => service.process.once('close', resolve));
    }
    expect(await servers()).toEqual([]);
  });

  it('ignores what a crash left behind', async () => {
    const file = join(folder, 'postgres', 'postmaster.pid');
    await copyFile(join(folder, 'left-behind'), file);
    const { uid, gid } = await stat(join(folder, 'postgres'));
    await chown(file, uid, gid);
    await rm(join(folder, 'left-behind'));
    expect((await cli.json('tenants', 'show', 'alone')).status).toBe('active');
  });

  it('reports that the data belongs to other secrets', async () => {
    await rm(join(folder, 'secrets.json'));
    const ran = await cli.run('tenants');
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toMatch(/^tenantry: .*created with different passwords/);
  });
});

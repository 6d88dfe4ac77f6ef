import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { chmod, chown, lstat, mkdir, readdir, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import {
  copyInstallation,
  endOwner,
  FAST,
  noProcessNames,
  type Owner,
  type OwnerOptions,
  PASSWORDS,
  query,
  removeFolder,
  startOwner,
  temporaryFolder,
} from '../../support/postgres/embedded-server.js';

const isRoot = process.getuid?.() === 0;

/** An ordinary account, also when the tests run as root. */
function ordinaryUser(): { uid: number; gid: number } | undefined {
  if (!isRoot) return undefined;
  const id = (option: string): number => Number(execFileSync('id', [option, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

describe('embedded PostgreSQL under different accounts', () => {
  const folders: string[] = [];
  let owner: Owner | undefined;

  afterEach(async () => {
    if (owner) await endOwner(owner);
    owner = undefined;
    for (const folder of folders.splice(0)) {
      await noProcessNames(folder);
      await removeFolder(folder);
    }
  });

  async function newFolder(mode: number): Promise<string> {
    const folder = await temporaryFolder(mode);
    folders.push(folder);
    return folder;
  }

  async function start(options: Omit<OwnerOptions, 'start'>, dataDir: string, systemDir?: string): Promise<Owner> {
    owner = await startOwner({ ...options, start: { dataDir, systemDir, passwords: PASSWORDS, settings: FAST } });
    return owner;
  }

  it('reports in one line that an ordinary user may not write DATA_DIR', async () => {
    const folder = await newFolder(0o755);
    const dataDir = join(folder, '.data');
    await mkdir(dataDir);
    await chmod(dataDir, 0o555);
    const { answer } = await start({ user: ordinaryUser() }, dataDir);
    expect(answer).toEqual({
      code: 'EMBEDDED_DATA_DIR_UNUSABLE',
      message: `cannot store PostgreSQL's data in ${dataDir}: permission denied`,
    });
    expect(await readdir(dataDir)).toEqual([]);
  });

  if (isRoot) rootSpecs();

  // One installation, which npm made without running install scripts, first under a folder that only root may enter.
  function rootSpecs(): void {
    let installation: string;

    beforeAll(async () => {
      installation = await temporaryFolder(0o700);
      await copyInstallation(installation);
    });

    afterAll(() => removeFolder(installation));

    it('serves root from a folder that only root may enter', async () => {
      const systemDir = join(await newFolder(0o755), 'tenantry');
      const dataDir = join(installation, 'root', '.data');
      for (const statement of ['CREATE TABLE kept (x int)', 'SELECT * FROM kept']) {
        const { answer } = await start({ installation }, dataDir, systemDir);
        expect(answer).toEqual({ url: expect.any(String) });
        expect(await query(answer.url ?? '', statement)).toEqual([]);
        if (owner) await endOwner(owner);
        await noProcessNames(systemDir);
      }
      expect((await lstat(join(dataDir, 'postgres'))).isSymbolicLink()).toBe(true);
      expect(await readdir(dataDir)).toEqual(['postgres']);
      expect(await readdir(systemDir)).toEqual([
        expect.stringMatching(/^[0-9a-f]{12}$/),
        expect.stringMatching(/^postgresql-\d+\./),
      ]);
    });

    it("explains what to do when the target of root's link is gone", async () => {
      const dataDir = await newFolder(0o755);
      await symlink(join(dataDir, 'nowhere'), join(dataDir, 'postgres'));
      expect((await start({ installation }, dataDir)).answer).toEqual({
        code: 'EMBEDDED_DATA_DIR_UNUSABLE',
        message: expect.stringContaining('delete the link to start empty'),
      });
    });

    it('serves an ordinary user from their own folder, and later root from that folder', async () => {
      await chmod(installation, 0o755);
      const user = ordinaryUser();
      const dataDir = join(installation, 'ordinary');
      await mkdir(dataDir);
      if (user) await chown(dataDir, user.uid, user.gid);
      for (const options of [{ user }, {}]) {
        const { answer } = await start({ installation, ...options }, dataDir);
        expect(answer).toEqual({ url: expect.any(String) });
        expect(await query(answer.url ?? '', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
        if (owner) await endOwner(owner);
        await noProcessNames(dataDir);
      }
      expect((await stat(join(dataDir, 'postgres'))).uid).toBe(user?.uid);
    });
  }
});

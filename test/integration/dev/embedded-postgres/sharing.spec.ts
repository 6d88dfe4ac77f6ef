import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { joinSharedPostgres } from '../../../../src/dev/embedded-postgres/shared-postgres.js';

describe('joinSharedPostgres refuses', () => {
  const { platform } = process;
  let project: string;
  /** Where the processes of the project find each other. */
  let shared: string;

  beforeEach(async () => {
    project = await mkdtemp(join(tmpdir(), 'tenantry-project-'));
    const hash = createHash('sha256').update(project).digest('hex').slice(0, 16);
    shared = join(tmpdir(), `tenantry-shared-${userInfo().uid}-${hash}`);
    await mkdir(shared, 0o700);
  });

  afterEach(async () => {
    Object.defineProperty(process, 'platform', { value: platform });
    for (const folder of [project, shared]) await rm(folder, { recursive: true, force: true });
  });

  it('to wait for ever for a process that holds the lock of the start', async () => {
    const lockPath = join(shared, 'starting');
    await writeFile(lockPath, 'another-host 1');
    const joined = joinSharedPostgres({ project, startTimeoutMs: 200 });
    await expect(joined).rejects.toMatchObject({ code: 'SHARED_START_LOCKED', lockPath });
  });

  it('a folder that others may write to, who could name a server of their own in it', async () => {
    await chmod(shared, 0o777);
    await expect(joinSharedPostgres({ project })).rejects.toMatchObject({ code: 'EMBEDDED_FOREIGN_FOLDER' });
  });

  it('a system without named pipes', async () => {
    Object.defineProperty(process, 'platform', { value: 'win32' });
    await expect(joinSharedPostgres({ project })).rejects.toMatchObject({ code: 'EMBEDDED_SHARING_UNSUPPORTED' });
  });
});

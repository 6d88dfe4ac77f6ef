import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Logger } from '@nestjs/common';
import { CacheStatistics } from '../../../src/cache/contract/cache-statistics.js';
import { openRedisTier } from '../../../src/cache/redis/open-redis-tier.js';
import type { AppConfig } from '../../../src/platform/config/app-config.js';
import { testKeyRing } from '../../support/cache/cache-rig.js';
import { LogRecorder } from '../../support/log-recorder.js';

const ROOT = process.cwd();

/** Opens the Redis tier and says what became of it. */
const PROGRAM = `
  import { openRedisTier } from './dist/cache/redis/open-redis-tier.js';
  const redis = { host: '127.0.0.1', port: 1, db: 0, keyPrefix: 'x', sentinels: [], clusterNodes: [] };
  const tier = await openRedisTier({ cache: { redisEnabled: true, redis } }, {}, {});
  console.log(tier === undefined ? 'no tier' : 'a tier');
  process.exit(0);`;

let installation: string;

beforeAll(async () => {
  installation = await mkdtemp(join(tmpdir(), 'tenantry-packages-'));
  await cp(join(ROOT, 'dist'), join(installation, 'dist'), { recursive: true });
  await writeFile(join(installation, 'package.json'), '{ "type": "module" }');
  await writeFile(join(installation, 'program.js'), PROGRAM);
});

afterAll(() => rm(installation, { recursive: true }));

afterEach(() => Logger.overrideLogger(false));

/** What the program wrote, where all packages but these are installed. */
async function runWithout(missing: string[]): Promise<string> {
  const packages = join(installation, 'node_modules');
  await rm(packages, { recursive: true, force: true });
  await mkdir(packages);
  for (const name of await readdir(join(ROOT, 'node_modules'))) {
    if (missing.includes(name)) continue;
    // Not a link: it would find what is missing here where the link leads to.
    if (name === 'cache-manager-ioredis-yet')
      await cp(join(ROOT, 'node_modules', name), join(packages, name), { recursive: true });
    else await symlink(join(ROOT, 'node_modules', name), join(packages, name));
  }
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['program.js'], { cwd: installation });
  return stdout + stderr;
}

describe('a cache with the memory tier only', () => {
  it('results from ENABLE_REDIS_CACHE=false, with one log line', async () => {
    const log = new LogRecorder();
    Logger.overrideLogger(log);
    const config = { cache: { redisEnabled: false } } as unknown as AppConfig;
    expect(await openRedisTier(config, testKeyRing(), new CacheStatistics())).toBeUndefined();
    expect(log.text.split('\n')).toEqual(['Redis is disabled (ENABLE_REDIS_CACHE=false): using memory only', 'Cache']);
  });

  it.each([[['ioredis']], [['cache-manager-ioredis-yet']], [['ioredis', 'cache-manager-ioredis-yet']]])(
    'results from the missing packages %j, with one log line',
    async (missing) => {
      const output = await runWithout(missing);
      expect(output).toContain('no tier');
      expect(output.match(/not installed.*using memory only/g)).toHaveLength(1);
      expect(output.match(/\[Nest\]/g)).toHaveLength(1);
    },
  );

  it('does not result from an installation with both packages', async () => {
    expect(await runWithout([])).toContain('a tier');
  });
});

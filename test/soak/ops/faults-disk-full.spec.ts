import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeIf } from '../../support/describe-if.js';
import { callOnce, type KeptAnswer } from '../../support/processes/keep-alive.js';
import { Service } from '../../support/processes/service.js';
import { SmallDisk } from '../../support/postgres/small-disk.js';
import { soon } from '../../support/load/soon.js';
import type { Json } from '../../support/test-app.js';

const DISK_MEGABYTES = 192;
const WRITES = 400;

const disk = await SmallDisk.mount(DISK_MEGABYTES);

const REQUIREMENT = 'root and the right to mount a tmpfs';

describeIf(disk !== undefined, REQUIREMENT, 'an instance whose embedded PostgreSQL has a full disk', () => {
  let service: Service;
  let apiKey: string;

  beforeAll(async () => {
    const dataDir = join(disk!.path, 'data');
    await mkdir(dataDir);
    service = await Service.start({}, dataDir);
    const demo = JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8')) as Json;
    apiKey = demo.tenants.find(({ slug }: Json) => slug === 'initech').apiKey;
  });

  afterAll(async () => {
    await service.kill();
    await disk!.unmount();
  });

  it('serves reads, rejects writes as TENANT_UNAVAILABLE, and recovers when there is room again', async () => {
    disk!.fill();
    const rejected = await untilRejected();
    expect([rejected.status, rejected.body.code]).toEqual([503, 'TENANT_UNAVAILABLE']);
    const answers = await Promise.all(
      ['/health/live', '/health', '/health/ready', '/api/v1/orders'].map((path) => call(path)),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    await disk!.free();
    await soon(async () => expect((await write(-1)).status).toBe(201));
    expect(await service.stop()).toBe(0);
  });

  /** Writes until the free space inside PostgreSQL's own files is used up, too. */
  async function untilRejected(): Promise<KeptAnswer> {
    for (let index = 0; index < WRITES; index += 1) {
      const answer = await write(index);
      if (answer.status !== 201) return answer;
    }
    throw new Error(`${WRITES} writes succeeded on a full disk`);
  }

  function write(index: number): Promise<KeptAnswer> {
    const body = { name: 'x'.repeat(200), email: `${'y'.repeat(50)}-${index}@example.com` };
    return call('/api/v1/customers', { method: 'POST', body });
  }

  function call(path: string, options: { method?: string; body?: object } = {}): Promise<KeptAnswer> {
    return callOnce(service.url, path, { apiKey, ...options });
  }
});

import { expect } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cli, settings } from '../cli/cli.js';
import type { Finding } from '../../../src/doctor/diagnosis/finding.js';
import { AcknowledgedRows } from '../load/acknowledged-rows.js';
import { soon } from '../load/soon.js';
import { createTestDatabase, type TestDatabase } from '../postgres/postgres.js';
import { ADMIN_KEY, dropEverything, type Json } from '../test-app.js';
import { callOnce, type KeptAnswer } from './keep-alive.js';
import { Service } from './service.js';

/** Instances of several releases over one catalog, each a process of its own, and their operator. */
export class Installation {
  private readonly services: Service[] = [];

  private constructor(
    readonly database: TestDatabase,
    private readonly env: Readonly<Record<string, string>>,
    private readonly formerMain: string,
  ) {}

  /** @param formerMain path of the former release's `dist/main.js` */
  static async create(formerMain: string, env: Readonly<Record<string, string>> = {}): Promise<Installation> {
    const database = await createTestDatabase('upgrade');
    const { ENCRYPTION_KEYS = '' } = settings(randomBytes(32).toString('base64'), '');
    const common = { DATABASE_URL: database.url, ENCRYPTION_KEYS, REDIS_KEY_PREFIX: database.name, ...env };
    return new Installation(database, common, formerMain);
  }

  async start(release: 'former' | 'new'): Promise<Service> {
    const env = { ...this.env, LOG_LEVEL: 'info' };
    const service = await Service.start(env, undefined, release === 'former' ? this.formerMain : undefined);
    this.services.push(service);
    await soon(async () => expect((await callOnce(service.url, '/health/ready')).status).toBe(200));
    return service;
  }

  /** Stops every instance and drops everything. @returns the errors that they logged */
  async dispose(): Promise<string[]> {
    for (const service of this.services) await service.stop();
    await dropEverything(this.database);
    const lines = this.services.flatMap(({ output }) => output.split('\n'));
    return lines.filter((line) => line.startsWith('{"level":"error"'));
  }

  /** Creates a tenant through an instance, with a few rows. Any instance may run the operation. */
  async createTenant({ url }: Service, slug: string, isolation: string): Promise<AcknowledgedRows> {
    const created = await admin(url, 'POST', '/tenants', { slug, isolation });
    expect(created.status).toBe(202);
    await soon(async () => expect((await admin(url, 'GET', `/tenants/${slug}`)).body.status).toBe('active'));
    const rows = new AcknowledgedRows(slug, (await admin(url, 'POST', `/tenants/${slug}/api-keys`)).body.token);
    await rows.fill(url);
    return rows;
  }

  /** Runs an operation to its end. */
  async operate({ url }: Service, body: object): Promise<Json> {
    const asked = await admin(url, 'POST', '/operations', body);
    expect(asked).toMatchObject({ status: 202 });
    let operation: Json;
    await soon(async () => {
      operation = (await admin(url, 'GET', `/operations/${asked.body.id}`)).body;
      expect(['succeeded', 'failed']).toContain(operation.status);
    });
    return operation;
  }

  /** Whether this instance has created the tenant; which one does is not up to the one that was asked. */
  async hasCreated({ process: { pid } }: Service, slug: string): Promise<boolean> {
    const [row] = await this.database.admin<{ instance: string }>(
      "SELECT instance FROM operations WHERE kind = 'provision' AND subject = $1",
      [slug],
    );
    return row?.instance.endsWith(`:${pid}`) ?? false;
  }

  /** What `tenantry doctor` of this release reports. */
  async diagnose(): Promise<readonly Finding[]> {
    const dataDir = await mkdtemp(join(tmpdir(), 'tenantry-doctor-'));
    const cli = new Cli({ ...settings('', dataDir), ...this.env });
    const { stdout } = await cli.run('doctor', '--json');
    await rm(dataDir, { recursive: true, force: true });
    return (JSON.parse(stdout) as Json).findings;
  }
}

function admin(url: string, method: string, path: string, body?: object): Promise<KeptAnswer> {
  return callOnce(url, `/admin/v1${path}`, { method, apiKey: ADMIN_KEY, ...(body && { body }) });
}

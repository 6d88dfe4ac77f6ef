import { expect } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { Finding } from '../../../src/doctor/diagnosis/finding.js';
import { Cli, settings } from '../cli/cli.js';
import { soon } from '../load/soon.js';
import { catalogOn, runBackupScript, scriptsOf } from '../postgres/debian-catalog.js';
import { OlderServer } from '../postgres/older-server.js';
import type { TestDatabase } from '../postgres/postgres.js';
import { callOnce } from '../processes/keep-alive.js';
import { Service } from '../processes/service.js';
import { TestRedis } from '../redis/test-redis.js';

const GUIDE = new URL('../../../docs/guides/backups.md', import.meta.url);
const CREATE = `createdb --owner="$OWNER" "$CATALOG"
  psql --dbname="$CATALOG" --command="REVOKE ALL ON DATABASE \\"$CATALOG\\" FROM PUBLIC"`;
/** What an instance logs. */
export const NOTICED = 'The catalog was restored or has lost changes';

/** Two instances over a catalog that is dumped and restored by the guide, and its operator. */
export class RestoredCatalog {
  private constructor(
    private readonly folder: string,
    private readonly postgres: OlderServer,
    private readonly redis: TestRedis,
    readonly instances: readonly Service[],
    readonly cli: Cli,
    private readonly scripts: readonly string[],
  ) {}

  static async start(): Promise<RestoredCatalog> {
    const folder = await mkdtemp(join(tmpdir(), 'tenantry-restored-'));
    const [postgres, redis] = await Promise.all([OlderServer.start(15), TestRedis.start()]);
    runBackupScript(CREATE, postgres.server, { folder });
    const { ENCRYPTION_KEYS = '' } = settings(randomBytes(32).toString('base64'), '');
    const env = {
      ...{ DATABASE_URL: catalogOn(postgres.server).url, ENCRYPTION_KEYS },
      ...{ ENABLE_REDIS_CACHE: 'true', REDIS_HOST: '127.0.0.1', REDIS_PORT: String(redis.port) },
      CACHE_DEFAULT_TTL: '300', // longer than any wait of a test
    };
    const instances = [await Service.start(env), await Service.start(env)];
    const cli = new Cli({ ...settings('', folder), ...env });
    return new RestoredCatalog(folder, postgres, redis, instances, cli, scriptsOf(await readFile(GUIDE, 'utf8')));
  }

  /** For the superuser's statements. */
  get database(): TestDatabase {
    return catalogOn(this.postgres.server);
  }

  /** Creates a tenant. @returns an API key of the tenant */
  async provision(slug: string, isolation: string): Promise<string> {
    await this.cli.json('tenants', 'create', slug, '--isolation', isolation);
    return (await this.cli.json('keys', 'create', slug)).token;
  }

  dump(): void {
    this.run(this.scripts[0]);
  }

  restore(): void {
    this.run(this.scripts[2]);
  }

  run(script: string | undefined): void {
    runBackupScript(script, this.postgres.server, { folder: this.folder });
  }

  /** Waits until every instance answers with this status to a tenant's requests. */
  async answers(apiKey: string, status: number): Promise<void> {
    await soon(async () => {
      const all = await Promise.all(this.instances.map(({ url }) => callOnce(url, '/api/v1/orders', { apiKey })));
      expect(all.map((answer) => answer.status)).toEqual(this.instances.map(() => status));
    });
  }

  async isReady(): Promise<void> {
    for (const { url } of this.instances) expect(await callOnce(url, '/health/ready')).toMatchObject({ status: 200 });
  }

  /** How often each instance has noticed that the catalog was restored. */
  noticed(): number[] {
    return this.instances.map(({ output }) => output.split(NOTICED).length - 1);
  }

  /** What `tenantry doctor` reports, other than ok. */
  async diagnose(): Promise<Finding[]> {
    const { findings } = (await this.cli.run('doctor', '--json')).json as { findings: Finding[] };
    return findings.filter(({ verdict }) => verdict !== 'ok');
  }

  /** Follows a remedy of the check `leftovers` to the letter: its SQL as the server's owner, then its command. */
  async follow({ remedy = '' }: Finding): Promise<void> {
    const [, sql = '', command] = /: ((?:ALTER|DROP) .*?)(?:; then: (.*))?$/.exec(remedy) ?? [];
    await this.asOwner(sql);
    if (command !== undefined) await this.cli.json(...command.split(' '));
  }

  async stop(): Promise<void> {
    for (const instance of this.instances) await instance.stop();
    await Promise.all([this.postgres.stop(), this.redis.stop()]);
    await rm(this.folder, { recursive: true, force: true });
  }

  private async asOwner(sql: string): Promise<void> {
    const { host, port, owner: user, ownerPassword: password } = this.postgres.server;
    const client = new pg.Client({ host, port, user, password, database: 'postgres' });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  }
}

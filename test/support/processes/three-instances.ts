import { expect } from '@jest/globals';
import pg from 'pg';
import { DEFAULT_SERVER } from '../../../src/catalog/catalog-target.js';
import { type ConnectionTarget, targetOfUrl } from '../../../src/database/connection/connection-target.js';
import type { RedisSettings } from '../cache/cache-rig.js';
import { insertTenants, LookupInstance, randomSlug } from '../cache/lookup-instance.js';
import { createTestDatabase, type TestDatabase } from '../postgres/postgres.js';
import { soon } from '../load/soon.js';

/** Three instances over one catalog and one Redis, whose tenants change during a fault. */
export class ThreeInstances {
  /** Every slug that ever existed, including those of deleted and renamed tenants. */
  private readonly slugs: string[] = [];

  private constructor(
    readonly database: TestDatabase,
    private readonly psql: pg.Client,
    readonly all: LookupInstance[],
    private readonly redis: RedisSettings,
    private readonly through: (target: ConnectionTarget) => ConnectionTarget,
  ) {}

  /** @param through the connection that notifications come over */
  static async over(
    redis: RedisSettings,
    through = (target: ConnectionTarget): ConnectionTarget => target,
  ): Promise<ThreeInstances> {
    const database = await createTestDatabase('catalog');
    const psql = new pg.Client({ connectionString: database.url });
    await psql.connect();
    const three = new ThreeInstances(database, psql, [], redis, through);
    for (let n = 0; n < 3; n += 1) three.all.push(await three.another());
    await three.create(10);
    return three;
  }

  async another(): Promise<LookupInstance> {
    const target = targetOfUrl(this.database.url, DEFAULT_SERVER);
    return LookupInstance.open(target, { redis: this.redis, notificationsThrough: this.through(target) });
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((instance) => instance.close()));
    await this.psql.end();
    await this.database.drop();
  }

  /** Reads everything on every instance while tenants are created, changed, renamed, deleted and replaced. */
  async readAndWrite(): Promise<void> {
    const written = new AbortController();
    const readers = this.all.map(async ({ lookup }) => {
      while (!written.signal.aborted) {
        await Promise.all(this.slugs.map((slug) => lookup.bySlug(slug)));
        await new Promise(setImmediate);
      }
    });
    try {
      for (let round = 0; round < 5; round += 1) await this.change(round);
    } finally {
      written.abort();
    }
    await Promise.all(readers);
  }

  /** Asserts that every instance finds for every slug what the catalog holds. */
  async everyoneIsRight(instances = this.all): Promise<void> {
    type Row = { slug: string; id: string; message: string; version: number };
    const { rows } = await this.psql.query<Row>('SELECT slug, id, message, version FROM tenants');
    const expected = new Map(rows.map((row) => [row.slug, row]));
    await soon(async () => {
      for (const { lookup } of instances) {
        for (const slug of this.slugs) {
          const { id, message, version } = (await lookup.bySlug(slug)) ?? {};
          const row = expected.get(slug);
          expect({ slug, id, message, version }).toEqual({
            slug,
            id: row?.id,
            message: row?.message,
            version: row?.version,
          });
        }
      }
    });
  }

  /** Asserts that an entry loaded by one instance reaches another one through Redis. */
  async redisIsUsed(): Promise<void> {
    const [a, b] = this.all as [LookupInstance, LookupInstance];
    await soon(async () => {
      const [slug = ''] = await this.create(1);
      await a.lookup.bySlug(slug);
      await b.lookup.bySlug(slug);
      const { redisHits } = b.cache.snapshot();
      await this.psql.query(`UPDATE tenants SET message = 'again' WHERE slug = '${slug}'`);
      await soon(async () => expect((await a.lookup.bySlug(slug))?.message).toBe('again'));
      await soon(async () => expect((await b.lookup.bySlug(slug))?.message).toBe('again'));
      expect(b.cache.snapshot()).toMatchObject({ redisConnected: true, redisBreaker: 'closed' });
      expect(b.cache.snapshot().redisHits).toBeGreaterThan(redisHits);
    });
  }

  private async create(count: number): Promise<string[]> {
    const slugs = Array.from({ length: count }, randomSlug);
    await this.psql.query(insertTenants(slugs));
    this.slugs.push(...slugs);
    return slugs;
  }

  private async change(round: number): Promise<void> {
    const [created = ''] = await this.create(1);
    const [changed, renamed, deleted, replaced] = [0, 1, 2, 3].map(
      (n) => this.slugs[(round * 4 + n) % this.slugs.length],
    );
    const name = randomSlug();
    this.slugs.push(name);
    await this.psql.query(`UPDATE tenants SET message = 'round ${round}' WHERE slug IN ('${changed}', '${created}')`);
    await this.psql.query(`UPDATE tenants SET slug = '${name}' WHERE slug = '${renamed}'`);
    await this.psql.query(`DELETE FROM tenants WHERE slug = '${deleted}'`);
    await this.psql.query(`DELETE FROM tenants WHERE slug = '${replaced}'`);
    await this.psql.query(insertTenants([String(replaced)]));
  }
}

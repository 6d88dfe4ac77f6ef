import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PrismaPg } from '@prisma/adapter-pg';
import { eq, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Kysely, PostgresDialect } from 'kysely';
import { toConstraintViolation } from '../../../src/database/data-source/constraint-violation.js';
import { driverError } from '../../../src/platform/postgres/driver-error.js';
import { separateTenants } from '../../../src/index.js';
import { memos } from './layers/drizzle.js';
import { layerOf, prismaOn } from './layers/prisma.js';
import { PrismaClient } from './node_modules/.generated/index.js';
import { DataLayers, OTHERS } from './rig.js';

const [ONE, TWO] = ['row', OTHERS.row] as const;
const id = randomUUID();

let layers: DataLayers;

beforeAll(async () => {
  layers = await DataLayers.start('direct');
}, 120_000);

afterAll(() => layers.stop());

beforeEach(async () => {
  const plain = layers.named('plain SQL');
  for (const slug of [ONE, TWO]) {
    await layers.run(slug, async () => {
      await plain.raw('DELETE FROM memos');
      await plain.insert(id, slug);
    });
  }
});

describe('Prisma', () => {
  it('is refused when its client would collect the calls of several tenants', async () => {
    const prisma = new PrismaClient({ adapter: new PrismaPg(layers.pool) });
    await expect(layers.run(ONE, () => prisma.memo.findMany())).rejects.toThrow('separateTenants(');
    const inside = layers.run(ONE, () => prisma.$transaction((inner) => inner.memo.findMany()));
    await expect(inside).rejects.toThrow('separateTenants(');
  });

  it('collects the calls of one tenant still', async () => {
    const prisma = prismaOn(layers.pool);
    const texts: string[] = [];
    const { query } = layers.pool;
    const counted = Object.assign(Object.create(layers.pool) as typeof layers.pool, {
      query: (config: { text: string }) => {
        texts.push(config.text);
        return query(config);
      },
    });
    const counting = prismaOn(counted);
    const read = (client: PrismaClient, slug: string) => (): Promise<unknown> =>
      layers.run(slug, () => Promise.all([client, client].map((each) => each.memo.findUnique({ where: { id } }))));
    const [one, two] = [
      { id, text: ONE },
      { id, text: TWO },
    ];
    expect(await Promise.all([read(counting, ONE)(), read(counting, TWO)()])).toEqual([
      [one, one],
      [two, two],
    ]);
    expect(texts).toHaveLength(2);
    expect(await read(prisma, ONE)()).toEqual([one, one]);
  });

  it('runs lists of queries as a transaction, and extensions', async () => {
    const prisma = prismaOn(layers.pool);
    const both = (slug: string): Promise<unknown> =>
      layers.run(slug, () => prisma.$transaction([prisma.memo.findUnique({ where: { id } }), prisma.memo.count()]));
    expect(await Promise.all([both(ONE), both(TWO)])).toEqual([
      [{ id, text: ONE }, 1],
      [{ id, text: TWO }, 1],
    ]);
    const extended = prisma.$extends({ query: { memo: { findUnique: ({ args, query }) => query(args) } } });
    const read = (slug: string): Promise<unknown> =>
      layers.run(slug, () => extended.memo.findUnique({ where: { id } }));
    expect(await Promise.all([read(ONE), read(TWO)])).toEqual([
      { id, text: ONE },
      { id, text: TWO },
    ]);
    expect(await layers.run(TWO, () => layerOf(prisma).list())).toEqual([TWO]);
  });

  it('leaves values alone that look like the schema which it names with every table', async () => {
    const prisma = prismaOn(layers.pool);
    const text = `it's "public"."memos"`;
    await layers.run(ONE, () => prisma.memo.update({ where: { id }, data: { text } }));
    const raw = layers.run(ONE, () =>
      prisma.$queryRawUnsafe(`SELECT 'it''s "public"."memos"' = text AS same FROM "public"."memos"`),
    );
    expect(await raw).toEqual([{ same: true }]);
  });

  it('has no upsert by an id, which is unique within a tenant only', async () => {
    const prisma = prismaOn(layers.pool);
    const upserted = layers.run(ONE, () =>
      prisma.memo.upsert({ where: { id }, create: { id, text: 'a' }, update: { text: 'b' } }),
    );
    await expect(upserted).rejects.toThrow('42P10');
  });

  it('keeps the isolation level of a transaction', async () => {
    const prisma = prismaOn(layers.pool);
    const shown = await layers.run(ONE, () =>
      prisma.$transaction((inner) => inner.$queryRaw`SHOW transaction_isolation`, { isolationLevel: 'Serializable' }),
    );
    expect(shown).toEqual([{ transaction_isolation: 'serializable' }]);
  });

  it('is refused by name when its client is not the one that is known', () => {
    expect(() => separateTenants({})).toThrow(expect.objectContaining({ code: 'UNKNOWN_PRISMA' }));
  });
});

describe('Drizzle', () => {
  it('runs statements that were prepared once, for each tenant', async () => {
    const db = drizzle(layers.pool);
    const prepared = db
      .select()
      .from(memos)
      .where(eq(memos.id, sql.placeholder('id')))
      .prepare('memo_by_id');
    const read = (slug: string): Promise<unknown> => layers.run(slug, () => prepared.execute({ id }));
    for (let round = 0; round < 5; round += 1) {
      expect(await Promise.all([read(ONE), read(TWO)])).toEqual([[{ id, text: ONE }], [{ id, text: TWO }]]);
    }
  });

  it('has its errors answered as those of TypeORM', async () => {
    const db = drizzle(layers.pool);
    const failure = (work: () => Promise<unknown>): Promise<unknown> =>
      layers.run(ONE, () => work().catch((error: unknown) => error));
    const twice = await failure(() => db.insert(memos).values({ id, text: 'twice' }).execute());
    expect(await toConstraintViolation(twice)).toMatchObject({ code: 'CONFLICT', constraint: { columns: ['id'] } });
    const refused = await failure(() => db.execute(sql`SET TimeZone = 'UTC'`).execute());
    expect(driverError(refused)).toMatchObject({ code: 'SESSION_STATEMENT_REFUSED' });
  });

  it('begins a transaction with its modes', async () => {
    const db = drizzle(layers.pool);
    const config = { isolationLevel: 'repeatable read', accessMode: 'read only' } as const;
    const written = layers.run(ONE, () =>
      db.transaction((inner) => inner.update(memos).set({ text: 'never' }), config),
    );
    await expect(written).rejects.toMatchObject({ cause: { code: '25006' } });
  });
});

describe('Kysely', () => {
  it('begins a transaction with its modes', async () => {
    const db = new Kysely<{ memos: { id: string; text: string } }>({
      dialect: new PostgresDialect({ pool: layers.pool }),
    });
    const written = layers.run(ONE, () =>
      db
        .transaction()
        .setIsolationLevel('serializable')
        .setAccessMode('read only')
        .execute((inner) => inner.updateTable('memos').set({ text: 'never' }).execute()),
    );
    await expect(written).rejects.toMatchObject({ code: '25006' });
  });

  it('does not read the catalogs, which name the tables of all tenants', async () => {
    const db = new Kysely<object>({ dialect: new PostgresDialect({ pool: layers.pool }) });
    const tables = layers.run(ONE, () => db.introspection.getTables());
    await expect(tables).rejects.toMatchObject({ code: 'SESSION_STATEMENT_REFUSED' });
  });
});

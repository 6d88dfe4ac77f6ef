import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { soon } from '../../support/load/soon.js';
import type { DataLayer } from './layer.js';
import { DataLayers, ISOLATIONS, LAYERS, MAX_QUEUED, OTHERS, PLACES } from './rig.js';

const STREAMING = ['TypeORM', 'plain SQL', 'Kysely'];

/** What a failed call tells: libraries wrap the error that has the code. */
async function failureOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return 'none';
  } catch (error) {
    return codeOf(error);
  }
}

function codeOf(error: unknown): string {
  const { code, cause, driverError, meta } = error as Record<string, unknown>;
  if (typeof code === 'string' && !/^P\d+$/.test(code)) return code;
  const inner = cause ?? driverError ?? (meta as Record<string, unknown> | undefined)?.['driverAdapterError'];
  return inner ? codeOf(inner) : String(error);
}

describe.each(PLACES)('%s', (place) => {
  let layers: DataLayers;

  beforeAll(async () => {
    layers = await DataLayers.start(place);
  }, 120_000);

  afterAll(() => layers.stop());

  describe.each(LAYERS)('%s', (name) => {
    let layer: DataLayer;

    beforeAll(() => {
      layer = layers.named(name);
    });

    /** Memos of two tenants with the same ids. */
    async function withRows(tenant: string, other: string, ids: readonly string[]): Promise<void> {
      for (const slug of [tenant, other]) {
        await layers.run(slug, async () => {
          await layer.raw('DELETE FROM memos');
          for (const [n, id] of ids.entries()) await layer.insert(id, `${slug} ${n}`);
        });
      }
    }

    describe.each(ISOLATIONS)('isolation by %s', (tenant) => {
      const other = OTHERS[tenant];
      const ids = [randomUUID(), randomUUID(), randomUUID()] as const;
      const own = [`${tenant} 0`, `${tenant} 1`, `${tenant} 2`];
      const others = [`${other} 0`, `${other} 1`, `${other} 2`];
      const run = <T>(work: () => Promise<T>): Promise<T> => layers.run(tenant, work);
      const othersNow = (): Promise<string[]> => layers.run(other, () => layer.list());

      it("reads the tenant's rows only, all of them or by id", async () => {
        await withRows(tenant, other, ids);
        expect(await run(() => layer.list())).toEqual(own);
        expect(await run(() => Promise.all(ids.map((id) => layer.read(id))))).toEqual(own);
      });

      it("does not reach a row by another tenant's id", async () => {
        await withRows(tenant, other, ids);
        const foreign = randomUUID();
        await layers.run(other, () => layer.insert(foreign, 'foreign'));
        expect(await run(() => layer.read(foreign))).toBeUndefined();
        expect(await run(() => layer.update(foreign, 'taken'))).toBe(0);
        expect(await run(() => layer.remove(foreign))).toBe(0);
        await run(() => layer.insert(foreign, 'own'));
        expect(await run(() => layer.read(foreign))).toBe('own');
        expect(await othersNow()).toEqual(['foreign', ...others]);
      });

      it('changes and deletes its own row of an id that both have', async () => {
        await withRows(tenant, other, ids);
        expect(await run(() => layer.update(ids[0], 'changed'))).toBe(1);
        expect(await run(() => layer.remove(ids[1]))).toBe(1);
        expect(await run(() => layer.list())).toEqual(['changed', own[2]]);
        expect(await othersNow()).toEqual(others);
      });

      it('commits and rolls back', async () => {
        await withRows(tenant, other, []);
        await run(() => layer.transaction((inside) => inside.insert(ids[0], 'kept')));
        const failed = run(() =>
          layer.transaction(async (inside) => {
            await inside.insert(ids[1], 'undone');
            expect(await inside.list()).toEqual(['kept', 'undone']);
            throw new Error('given up');
          }),
        );
        await expect(failed).rejects.toThrow('given up');
        expect(await run(() => layer.list())).toEqual(['kept']);
        expect(await othersNow()).toEqual([]);
      });

      it('nests a transaction by a savepoint', async () => {
        await withRows(tenant, other, []);
        await run(() =>
          layer.transaction(async (inside) => {
            await inside.insert(ids[0], 'outer');
            const inner = inside.transaction(async (nested) => {
              await nested.insert(ids[1], 'inner');
              throw new Error('given up');
            });
            await expect(inner).rejects.toThrow('given up');
            await inside.insert(ids[2], 'outer again');
          }),
        );
        expect(await run(() => layer.list())).toEqual(['outer', 'outer again']);
      });

      it('keeps tenants apart that call in the same tick, within transactions too', async () => {
        await withRows(tenant, other, ids);
        const readAll = (slug: string): Promise<unknown> =>
          layers.run(slug, () => Promise.all(ids.map((id) => layer.read(id))));
        const readInside = (slug: string): Promise<unknown> =>
          layers.run(slug, () => layer.transaction(async (inside) => [await inside.read(ids[0]), await inside.list()]));
        for (let round = 0; round < 10; round += 1) {
          const reads = [readAll(tenant), readAll(other), readInside(tenant), readInside(other)];
          expect(await Promise.all(reads)).toEqual([own, others, [own[0], own], [others[0], others]]);
        }
      });

      it('runs SQL as it is, for the tenant', async () => {
        await withRows(tenant, other, ids);
        await run(() => layer.raw(`UPDATE memos SET text = upper(text)`));
        expect(await run(() => layer.list())).toEqual(own.map((text) => text.toUpperCase()));
        expect(await othersNow()).toEqual(others);
      });

      it.each([
        ['SET', `SET statement_timeout = 0`],
        ['COPY', 'COPY memos TO STDOUT'],
        ['DO', 'DO $$ BEGIN DELETE FROM memos; END $$'],
        ['a change of the stamp', `SELECT set_config('app.tenant_id', '${randomUUID()}', false)`],
        ['the names of all tables', 'SELECT table_name FROM information_schema.tables'],
      ])('refuses %s', async (_name, sql) => {
        expect(await run(() => failureOf(() => layer.raw(sql)))).toBe('SESSION_STATEMENT_REFUSED');
      });

      it("has the tenant's limits", async () => {
        const slow = (): Promise<string> => failureOf(() => layer.raw('SELECT pg_sleep(0.02)::text AS slept'));
        const inside = await run(() => Promise.all(Array.from({ length: MAX_QUEUED * 2 }, slow)));
        expect(new Set(inside)).toEqual(new Set(['none', 'TENANT_BUSY']));
      });

      if (STREAMING.includes(name))
        it('streams the rows of the tenant', async () => {
          await withRows(tenant, other, ids);
          const streamed = await run(async () => {
            const texts: string[] = [];
            for await (const text of layer.stream?.() ?? []) texts.push(text);
            return texts;
          });
          expect(streamed).toEqual(own);
        });

      it('refuses a transaction of one tenant in a call for another', async () => {
        await withRows(tenant, other, ids);
        const mixed = run(() => layer.transaction((inside) => layers.run(other, () => inside.list())));
        expect(await failureOf(() => mixed)).toBe('WRONG_TENANT');
        expect(await run(() => layers.run(other, () => layer.list()))).toEqual(others);
      });
    });

    it('is refused outside a tenant', async () => {
      expect(await failureOf(() => layer.list())).toBe('NO_TENANT_CONTEXT');
      expect(await failureOf(() => layer.transaction((inside) => inside.list()))).toBe('NO_TENANT_CONTEXT');
    });

    it('is refused for a tenant that was suspended meanwhile', async () => {
      await layers.whileSuspended(async () => {
        await soon(async () => expect(await failureOf(() => layer.list())).toBe('TENANT_SUSPENDED'));
        expect(await failureOf(() => layer.transaction((inside) => inside.list()))).toBe('TENANT_SUSPENDED');
      });
    });
  });
});

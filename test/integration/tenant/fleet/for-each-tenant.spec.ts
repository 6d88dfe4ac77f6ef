import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EventEmitter, once } from 'node:events';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../../../src/catalog/catalog-data-source.js';
import {
  TenantConnectionService,
  TenantContext,
  type TenantFilter,
  type TenantProgress,
} from '../../../../src/index.js';
import { TenantLookup } from '../../../../src/tenant/directory/tenant-lookup.js';
import { HostApplication } from '../../../support/host/host-application.js';
import { soon } from '../../../support/load/soon.js';
import { dropEverything } from '../../../support/test-app.js';

const ROWS = ['acme', 'globex', 'hooli'];
const ALL = [...ROWS, 'initech', 'umbrella'].toSorted();

let host: HostApplication;
let connections: TenantConnectionService;
let context: TenantContext;
let catalog: DataSource;

beforeAll(async () => {
  host = await HostApplication.start({ adapter: 'fastify' });
  connections = host.nest.get(TenantConnectionService);
  context = host.nest.get(TenantContext);
  catalog = host.nest.get<DataSource>(CATALOG, { strict: false });
  for (const slug of ROWS) await host.provision(slug, 'row');
  await host.provision('initech', 'schema');
  await host.provision('umbrella', 'database');
});

// The last test has stopped it.
afterAll(() => dropEverything(host.database));

/** Slugs of the tenants that a filter finds. */
async function found(filter: TenantFilter): Promise<string[]> {
  const { results } = await connections.forEachTenant(filter, async () => undefined);
  return results.map(({ tenant }) => tenant.slug).toSorted();
}

const insertNote = (text: string): Promise<unknown> =>
  context.current().dataSource.query('INSERT INTO notes (text) VALUES ($1)', [text]);

describe('forEachTenant', () => {
  it('runs the work once in the context of each tenant, over all isolations', async () => {
    const outcome = await connections.forEachTenant({}, async (tenant) => {
      await insertNote(`of ${tenant.slug}`);
      return context.current().dataSource.query<{ text: string }[]>('SELECT text FROM notes');
    });
    expect(outcome).toMatchObject({ done: 5, failed: 0, isComplete: true });
    const values = outcome.results.map((result) => [
      result.tenant.slug,
      result.status === 'done' && result.value.map(({ text }) => text),
    ]);
    expect(Object.fromEntries(values)).toEqual(Object.fromEntries(ALL.map((slug) => [slug, [`of ${slug}`]])));
    expect(context.isOpen).toBe(false);
  });

  it('reports the failure of one tenant beside the results of the others', async () => {
    const failure = new Error('not today');
    const outcome = await connections.forEachTenant({}, async ({ slug }) => {
      if (slug === 'globex') throw failure;
      return slug.length;
    });
    expect(outcome).toMatchObject({ done: 4, failed: 1, isComplete: true });
    const failed = outcome.results.filter(({ status }) => status === 'failed');
    expect(failed).toEqual([{ tenant: { id: expect.any(String), slug: 'globex' }, status: 'failed', error: failure }]);
    const kept = await connections.forEachTenant({}, async () => Promise.reject(failure), { keep: 'failed' });
    expect(kept.results).toHaveLength(5);
    expect((await connections.forEachTenant({}, async () => 1, { keep: 'failed' })).results).toEqual([]);
  });

  it('finds tenants by isolation, server, status, slug and time of creation', async () => {
    expect(await found({ isolation: 'row' })).toEqual(ROWS);
    expect(await found({ isolation: ['schema', 'database'] })).toEqual(['initech', 'umbrella']);
    expect(await found({ server: 'default' })).toEqual(ALL);
    expect(await found({ server: 'elsewhere' })).toEqual([]);
    expect(await found({ slugs: ['hooli', 'nobody'] })).toEqual(['hooli']);
    expect(await found({ slugs: [] })).toEqual([]);
    expect(await found({ createdBefore: new Date(0) })).toEqual([]);
    expect(await found({ createdSince: new Date(0), isolation: 'row' })).toEqual(ROWS);
  });

  it('refuses a filter or an option that it cannot keep, before anything runs', async () => {
    const inputs: [filter: object, options?: object][] = [
      [{ isolation: undefined }],
      [{ isolations: 'row' }],
      [{ status: 'deleted' }],
      [{}, { concurrency: 0 }],
      [{}, { concurrency: 65 }],
      [{}, { paralel: 2 }],
    ];
    let runs = 0;
    for (const [filter, options] of inputs) {
      const refused = connections.forEachTenant(filter, async () => (runs += 1), options);
      await expect(refused).rejects.toMatchObject({ code: 'INVALID_FLEET_INPUT' });
    }
    expect(runs).toBe(0);
  });

  it('throws within a tenant context, also within its own work', async () => {
    const nested = (): Promise<unknown> => connections.forEachTenant({}, async () => undefined);
    const outside = { code: 'WITHIN_TENANT_CONTEXT' };
    await expect(connections.run('acme', nested)).rejects.toMatchObject(outside);
    const { results } = await connections.forEachTenant({ slugs: ['acme'] }, nested);
    expect(results).toEqual([{ tenant: expect.anything(), status: 'failed', error: expect.objectContaining(outside) }]);
  });

  it('leaves out suspended tenants, and fails for them where they are asked for', async () => {
    await catalog.query(`UPDATE tenants SET status = 'suspended' WHERE slug = 'hooli'`);
    try {
      expect(await found({})).toEqual(ALL.filter((slug) => slug !== 'hooli'));
      const asked = await connections.forEachTenant({ status: ['active', 'suspended'] }, async () => undefined);
      expect(asked).toMatchObject({ done: 4, failed: 1 });
      const failed = asked.results.find(({ status }) => status === 'failed');
      expect(failed).toMatchObject({ tenant: { slug: 'hooli' }, error: { code: 'TENANT_SUSPENDED' } });
    } finally {
      await catalog.query(`UPDATE tenants SET status = 'active' WHERE slug = 'hooli'`);
    }
  });

  it('leaves out spare tenants, whose status is that of tenants being provisioned', async () => {
    await catalog.query(
      `INSERT INTO tenants (slug, isolation, spare_server_id)
       SELECT slug, 'schema', CASE slug WHEN 'spare-1' THEN s.id END FROM servers s, unnest(ARRAY['spare-1', 'coming']) AS n (slug)`,
    );
    try {
      let total = 0;
      const onProgress = (progress: TenantProgress<unknown>): void => void (total = progress.total);
      const asked = await connections.forEachTenant({ status: 'provisioning' }, async () => undefined, { onProgress });
      expect(asked.results.map(({ tenant }) => tenant.slug)).toEqual(['coming']);
      expect(total).toBe(1);
    } finally {
      await catalog.query(`DELETE FROM tenants WHERE slug IN ('spare-1', 'coming')`);
    }
  });

  it('has at most the asked number of tenants in work, and reports progress after each', async () => {
    let inWork = 0;
    let most = 0;
    const progress: TenantProgress<string>[] = [];
    const gate = new EventEmitter();
    const work = async ({ slug }: { slug: string }): Promise<string> => {
      most = Math.max(most, ++inWork);
      if (inWork === 3) setImmediate(() => gate.emit('open'));
      if (most < 3) await once(gate, 'open');
      inWork -= 1;
      return slug;
    };
    const outcome = await connections.forEachTenant({}, work, {
      concurrency: 3,
      onProgress: (each) => void progress.push(each),
    });
    expect(most).toBe(3);
    expect(progress.map(({ done, total }) => `${done} of ${total}`)).toEqual([1, 2, 3, 4, 5].map((n) => `${n} of 5`));
    expect(progress.map(({ result }) => result)).toEqual(outcome.results);
  });

  it('begins no further tenant once the signal is aborted, and returns what is done', async () => {
    const stop = new AbortController();
    const outcome = await connections.forEachTenant({}, async () => stop.abort(), {
      concurrency: 1,
      signal: stop.signal,
    });
    expect(outcome).toMatchObject({ done: 1, failed: 0, isComplete: false });
  });

  it('rejects with what onProgress throws, after the tenants in work have ended', async () => {
    let begun = 0;
    let ended = 0;
    const work = async (): Promise<void> => {
      begun += 1;
      await context.current().dataSource.query('SELECT 1');
      ended += 1;
    };
    const onProgress = (): never => {
      throw new Error('full disk');
    };
    await expect(connections.forEachTenant({}, work, { concurrency: 2, onProgress })).rejects.toThrow('full disk');
    expect(begun).toBeLessThan(5);
    expect(ended).toBe(begun);
  });

  it('leaves out a tenant that is suspended while others are in work', async () => {
    const suspendOthers = async (slug: string): Promise<void> => {
      await catalog.query(`UPDATE tenants SET status = 'suspended' WHERE slug <> $1`, [slug]);
      const lookup = host.nest.get(TenantLookup, { strict: false });
      await soon(async () => {
        for (const other of ALL) if (other !== slug) expect((await lookup.bySlug(other))?.status).toBe('suspended');
      });
    };
    const outcome = await connections.forEachTenant({}, ({ slug }) => suspendOthers(slug), { concurrency: 1 });
    await catalog.query(`UPDATE tenants SET status = 'active'`);
    expect(outcome).toMatchObject({ done: 1, failed: 0, isComplete: true });
  });

  it('reads many tenants page by page, each once', async () => {
    await catalog.query(`INSERT INTO tenants (slug, status, isolation, target_id, schema_name, schema_version, migration_set)
      SELECT 'many-' || n, 'active', isolation, target_id, schema_name, schema_version, migration_set
      FROM tenants, generate_series(1, 410) n WHERE slug = 'acme'`);
    const slugs = await found({ isolation: 'row' });
    expect(slugs).toHaveLength(413);
    expect(new Set(slugs).size).toBe(413);
  });
});

it('begins no further tenant once the process shuts down, and waits for those in work', async () => {
  let ended = 0;
  const gate = new EventEmitter();
  const begun = once(gate, 'begun');
  const work = async (): Promise<void> => {
    gate.emit('begun');
    await once(gate, 'stopping');
    await context.current().dataSource.query('SELECT 1');
    ended += 1;
  };
  const running = connections.forEachTenant({}, work, { concurrency: 1 });
  await begun;
  const stopped = host.stop();
  setImmediate(() => gate.emit('stopping'));
  await stopped;
  expect(ended).toBe(1);
  expect(await running).toMatchObject({ done: 1, failed: 0, isComplete: false });
});

import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { type DataSource, EntitySchema } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { TemplateDataSource } from '../../../../src/database/data-source/template-data-source.js';
import { dataSourceOf } from '../../../../src/platform/postgres/typeorm-versions.js';
import { cpuMicros } from '../../../support/load/cpu-cost.js';
import { offlineDataSource } from '../../../support/data-source/offline-data-source.js';

function buildTemplate(entityCount: number): Promise<TemplateDataSource> {
  const text = { type: 'text' } as const;
  const columns = { id: { type: 'uuid', primary: true }, a: text, b: text, c: text, d: text, e: text } as const;
  const entities = Array.from({ length: entityCount }, (_, n) => new EntitySchema({ name: `entity_${n}`, columns }));
  return TemplateDataSource.build({ entities, migrations: [] });
}

const queryRunnersOf = ({ driver }: DataSource): unknown => (driver as PostgresDriver).connectedQueryRunners;

/** In bytes. Collects until nothing more is freed: what other specs have left may take several rounds, which finalizers end. */
async function heapInUse(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let last = Infinity; ;) {
    collect();
    await setImmediate();
    const { heapUsed } = process.memoryUsage();
    if (heapUsed > last * 0.999) return heapUsed;
    last = heapUsed;
  }
}

describe('tenant data sources over one metadata graph', () => {
  it('share the entity metadata but not the driver, the manager or the loaders', async () => {
    const template = await buildTemplate(2);
    const [one, two] = [offlineDataSource(template), offlineDataSource(template)];
    expect(one.entityMetadatas).toBe(two.entityMetadatas);
    expect(one.getMetadata('entity_1')).toBe(two.getMetadata('entity_1'));
    for (const part of ['driver', 'manager', 'relationLoader', 'relationIdLoader'] as const) {
      expect(one[part]).not.toBe(two[part]);
      expect(one[part]).not.toBe(template[part]);
    }
    for (const owner of [one.manager, one.createQueryRunner(), one.createQueryBuilder(), one.createEntityManager()]) {
      expect(dataSourceOf(owner)).toBe(one);
    }
    expect(dataSourceOf(one.driver)).toBe(one);
    expect(one.driver).toMatchObject({ connectedQueryRunners: [] });
    expect(queryRunnersOf(one)).not.toBe(queryRunnersOf(two));
    expect(queryRunnersOf(one)).not.toBe(queryRunnersOf(template));
    expect(one.isInitialized).toBe(true);
    expect(template.isInitialized).toBe(false);
  });

  it('know the server properties that TypeORM queries, without a connection', async () => {
    const { driver } = offlineDataSource(await buildTemplate(1));
    expect(driver).toMatchObject({
      ...{ database: 'somewhere', schema: 'acme', searchSchema: 'acme' },
      ...{ isGeneratedColumnsSupported: true, isReplicated: false, treeSupport: true },
      cteCapabilities: { enabled: true, writable: true },
      version: expect.stringMatching(/^\d+\.\d+$/),
    });
    for (const type of ['insert', 'update', 'delete'] as const) expect(driver.isReturningSqlSupported(type)).toBe(true);
  });

  it('take at most 4 KB each, for 30 entities as for one', async () => {
    for (const entityCount of [1, 30]) {
      const template = await buildTemplate(entityCount);
      const kept = Array.from({ length: 2000 }, (): DataSource | undefined => undefined);
      offlineDataSource(template);
      const before = await heapInUse();
      for (let n = 0; n < kept.length; n++) kept[n] = offlineDataSource(template);
      const kb = ((await heapInUse()) - before) / 1024 / kept.length;
      expect(kb).toBeLessThanOrEqual(4);
      expect(kb).toBeGreaterThan(0.2); // less: nothing was measured
      expect(kept.at(-1)?.isInitialized).toBe(true);
    }
  });

  it('take a small fraction of the CPU time of building the graph', async () => {
    const before = process.cpuUsage();
    const template = await buildTemplate(30);
    const { user, system } = process.cpuUsage(before);
    const made = 100;
    const allOfThem = cpuMicros(() => () => {
      for (let n = 0; n < made; n++) offlineDataSource(template);
    });
    expect(allOfThem / made / (user + system)).toBeLessThan(0.1); // a data source with a graph of its own: about 1
  });

  it('cannot be replaced by the template, which refuses to connect', async () => {
    const template = await buildTemplate(1);
    await expect(template.initialize()).rejects.toMatchObject({ code: 'REFUSED_OPERATION' });
    await expect(template.query('SELECT 1')).rejects.toThrow('Driver not Connected');
  });
});

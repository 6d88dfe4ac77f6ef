import { describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { dataSourceOf } from '../../../../src/platform/postgres/typeorm-versions.js';
import { cpuMicros } from '../../../support/load/cpu-cost.js';
import { buildTemplate, offlineDataSource } from '../../../support/data-source/offline-data-source.js';

const queryRunnersOf = ({ driver }: DataSource): unknown => (driver as PostgresDriver).connectedQueryRunners;

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

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { migrateTables } from '../../../../../src/database/table-migrations/execution/migrate-tables.js';
import { createTenantTable } from '../../../../../src/index.js';
import { LogRecorder } from '../../../../support/log-recorder.js';
import { migration, MigrationFixture } from '../../../../support/tables/migration-fixture.js';

const PARCELS = migration('CreateParcels1770000000000', (runner) =>
  createTenantTable(runner, 'parcels', {
    columns: { id: 'bigint NOT NULL', weight: 'numeric NOT NULL', label: 'text NOT NULL' },
    indexes: [['weight'], ['label']],
  }),
);
const RANKS = migration('AddRank1770000000001', `CREATE INDEX ranked ON parcels (tenant_id, lower(label))`);

let fixture: MigrationFixture;
const log = new LogRecorder();

beforeAll(async () => {
  fixture = await MigrationFixture.create();
  Logger.overrideLogger(log);
});

afterAll(async () => {
  Logger.overrideLogger(false);
  await fixture.close();
});

const warnings = (): string[] => log.matching('warn', /row-level security/);

describe('a migration that makes an index which conditions cannot use under the policies', () => {
  it('is logged with what mends it, once per process however many schemas are migrated', async () => {
    const client = await fixture.client();
    for (const schema of ['one', 'two']) {
      await client.query(`CREATE SCHEMA ${schema}`);
      await migrateTables(client, { schema, role: fixture.role }, [PARCELS]);
    }
    expect(warnings()).toEqual([
      expect.stringMatching(
        /^Index parcels_weight_idx of parcels: conditions on weight .* bigint .*docs\/guides\/indexes/,
      ),
    ]);
    expect(warnings()[0]).not.toMatch(/label/);
    await migrateTables(client, { schema: 'one', role: fixture.role }, [PARCELS, RANKS]);
    expect(warnings().slice(1)).toEqual([
      expect.stringContaining('Index ranked of parcels: conditions on lower(label)'),
    ]);
  });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { previewRequest } from '../../../src/admin/fleet-migrations/fleet-migration.schemas.js';
import { FleetPreview } from '../../../src/admin/fleet-migrations/fleet-preview.js';
import { migration } from '../../support/tables/migration-fixture.js';
import { Fleet, type Instance, NOTES, TITLE } from '../../support/fleet/fleet.js';

const INDEX = migration('Index1764000000003', 'CREATE INDEX notes_title ON notes (tenant_id, title)');

let fleet: Fleet;
let newest: Instance;

beforeEach(async () => {
  fleet = await Fleet.create();
  const first = await fleet.instance([NOTES]);
  const second = await fleet.instance([NOTES, TITLE]);
  await first.provision('a-schema', 'schema');
  await first.provision('a-database', 'database');
  await second.provision('b-row1', 'row');
  await second.provision('b-row2', 'row');
  newest = await fleet.instance([NOTES, TITLE, INDEX]);
  await newest.provision('c', 'schema');
});
afterEach(() => fleet.dispose());

function preview(request: object = {}, instance = newest) {
  return instance.nest.get(FleetPreview).preview(previewRequest.parse(request));
}

const TITLE_STEP = { migration: 'Title1764000000002', sql: ['ALTER TABLE notes ADD COLUMN title text'] };
const INDEX_STEP = { migration: 'Index1764000000003', sql: ['CREATE INDEX notes_title ON notes (tenant_id, title)'] };

describe('a fleet migration preview', () => {
  it('shows the statements per version, with the number of tenants and the place, and changes nothing', async () => {
    const before = await fleet.tenants();
    expect(await preview()).toEqual({
      to: 'Index1764000000003',
      tenants: 4,
      units: 3,
      versions: [
        {
          from: 'Notes1764000000001',
          tenants: 2,
          units: 2,
          servers: [{ server: 'default', tenants: 2, units: 2 }],
          migrations: [TITLE_STEP, INDEX_STEP],
          late: [],
          failure: null,
        },
        {
          from: 'Title1764000000002',
          tenants: 2,
          units: 1,
          servers: [{ server: 'default', tenants: 2, units: 1 }],
          migrations: [INDEX_STEP],
          late: [],
          failure: null,
        },
      ],
    });
    expect(await fleet.tenants()).toEqual(before);
    expect(await fleet.hasColumn('a-schema', 'title')).toBe(false);
    expect(await fleet.database.admin('SELECT FROM operations WHERE kind = $1', ['migrate'])).toEqual([]);
  });

  it('equals what is run afterwards', async () => {
    const { versions } = await preview();
    const sent: string[] = [];
    const recording = [TITLE, INDEX].map((original) => {
      const instance = new original();
      return migration(instance.name ?? '', async (runner) => {
        const send = runner.query.bind(runner);
        runner.query = (sql: string, ...rest: []) => {
          sent.push(sql);
          return send(sql, ...rest);
        };
        await instance.up(runner);
        runner.query = send;
      });
    });
    await (await fleet.instance([NOTES, ...recording])).migrate({ tenants: ['a-database'] });
    const ofFirst = versions.find(({ from }) => from === 'Notes1764000000001');
    expect(ofFirst?.migrations.flatMap(({ sql }) => sql)).toEqual(sent);
  });

  it('is empty when no tenant, or none of those named, is behind', async () => {
    expect(await preview({ tenants: ['c'] })).toEqual({
      ...{ to: 'Index1764000000003', tenants: 0, units: 0, versions: [] },
    });
    await newest.migrate();
    expect((await preview()).versions).toEqual([]);
  });

  it('counts all tenants that share tables with those named', async () => {
    expect(await preview({ tenants: ['b-row1'] })).toMatchObject({ tenants: 2, units: 1 });
    await expect(preview({ tenants: ['nobody'] })).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
  });

  it('reports what would fail, even on empty tables', async () => {
    const failing = await fleet.instance([
      NOTES,
      TITLE,
      migration('Wrong1764000000003', 'SELECT nothing FROM nowhere'),
    ]);
    const { versions } = await preview({}, failing); // of three sets: c has another migration of that number
    expect(versions.map(({ migrations, failure }) => [migrations, failure?.message])).toEqual(
      Array(3).fill([[], 'migration Wrong1764000000003 failed (SQLSTATE 42P01: relation "nowhere" does not exist)']),
    );
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../../../src/catalog/catalog-data-source.js';
import { TenantConnectionService, TenantContext, type TenantReport } from '../../../../src/index.js';
import { HostApplication } from '../../../support/host/host-application.js';

const ALL = ['acme', 'globex', 'initech', 'umbrella'];
const REASON = { reason: 'a test looks' };
const TEXTS = 'SELECT text FROM notes ORDER BY text';

interface Note {
  readonly text: string;
}

let host: HostApplication;
let connections: TenantConnectionService;
let context: TenantContext;
let catalog: DataSource;

beforeAll(async () => {
  host = await HostApplication.start({ adapter: 'fastify' });
  connections = host.nest.get(TenantConnectionService);
  context = host.nest.get(TenantContext);
  catalog = host.nest.get<DataSource>(CATALOG, { strict: false });
  await host.provision('acme', 'row');
  await host.provision('globex', 'row');
  await host.provision('initech', 'schema');
  await host.provision('umbrella', 'database');
  await connections.forEachTenant({}, ({ slug }) =>
    context.current().dataSource.query('INSERT INTO notes (text) VALUES ($1), ($2)', [`${slug} 1`, `${slug} 2`]),
  );
});

afterAll(() => host?.dispose());

const bySlug = <Row>(results: readonly TenantReport<Row>[]): Record<string, readonly Row[] | undefined> =>
  Object.fromEntries(results.map((each) => [each.tenant.slug, each.status === 'done' ? each.rows : undefined]));

const codes = async (query: string, options: object = {}): Promise<unknown[]> => {
  const { results } = await connections.acrossTenants({}, query, { ...REASON, ...options });
  return results.map((each) => each.status === 'failed' && codeOf(each.error));
};

/** Of this package, or PostgreSQL's. */
const codeOf = (error: unknown): unknown => {
  const { code, driverError } = error as { code?: unknown; driverError?: { code?: unknown } };
  return driverError?.code ?? code;
};

async function notesInDatabases(): Promise<Record<string, unknown>> {
  const { results } = await connections.acrossTenants({}, TEXTS, REASON);
  return bySlug(results);
}

describe('acrossTenants', () => {
  it('reads the rows of each tenant, with the tenant, over all isolations', async () => {
    const outcome = await connections.acrossTenants<Note>({}, TEXTS, REASON);
    expect(outcome).toMatchObject({ done: 4, failed: 0, isComplete: true });
    const expected = ALL.map((slug) => [slug, [{ text: `${slug} 1` }, { text: `${slug} 2` }]]);
    expect(bySlug(outcome.results)).toEqual(Object.fromEntries(expected));
    const one = await connections.acrossTenants(
      { slugs: ['initech'] },
      { text: 'SELECT text FROM notes WHERE text = $1', values: ['initech 2'] },
      REASON,
    );
    expect(bySlug(one.results)).toEqual({ initech: [{ text: 'initech 2' }] });
  });

  it('writes nothing, whatever the statement', async () => {
    const before = await notesInDatabases();
    const writes = [
      `INSERT INTO notes (text) VALUES ('x')`,
      'DELETE FROM notes',
      `WITH gone AS (DELETE FROM notes RETURNING text) SELECT * FROM gone`,
      `UPDATE notes SET text = 'x'`,
      'SELECT text FROM notes FOR UPDATE',
      `MERGE INTO notes USING (VALUES (1)) AS v ON false WHEN NOT MATCHED THEN INSERT (text) VALUES ('x')`,
    ];
    for (const write of writes)
      expect({ write, codes: await codes(write) }).toEqual({ write, codes: Array(4).fill('25006') });
    expect(await notesInDatabases()).toEqual(before);
  });

  it('refuses what would end its transaction or make it one that writes, before anything is sent', async () => {
    const commands = [
      'COMMIT',
      'ROLLBACK',
      'BEGIN',
      'SET TRANSACTION READ WRITE',
      'SET transaction_read_only = off',
      `SELECT set_config('transaction_read_only', 'off', true)`,
      `SELECT set_config('app.tenant_id', '00000000-0000-0000-0000-000000000000', true)`,
      `SELECT 1; DELETE FROM notes`,
      'COMMIT; DELETE FROM notes',
      `DO $$ BEGIN DELETE FROM notes; END $$`,
      'TRUNCATE notes',
      `SELECT * INTO copied FROM notes`,
      `COPY notes TO PROGRAM 'cat'`,
      'CALL nothing()',
      `SELECT pg_notify('tenantry_catalog', '{}')`,
    ];
    const entries = await auditEntries();
    for (const text of commands) {
      const refused = connections.acrossTenants({}, text, REASON);
      await expect(refused.then(() => text)).rejects.toMatchObject({
        code: expect.stringMatching(/^(SESSION_STATEMENT_REFUSED|MULTIPLE_COMMANDS|STAMP_PROTECTED)$/),
      });
    }
    expect(await auditEntries()).toEqual(entries);
  });

  it('reads no row of another tenant, whatever the statement', async () => {
    const { results } = await connections.acrossTenants<Note>(
      {},
      'SELECT text FROM notes WHERE true OR tenant_id IS NOT NULL',
      REASON,
    );
    for (const [slug, rows] of Object.entries(bySlug(results))) {
      expect(rows?.every(({ text }) => text.startsWith(slug))).toBe(true);
    }
    // By name: the tables that row tenants share, from a tenant of another isolation.
    const named = await connections.acrossTenants({ isolation: ['schema'] }, 'SELECT text FROM shared.notes', REASON);
    expect(bySlug(named.results)).toEqual({ initech: [] });
  });

  it('bounds the rows of a tenant and of all tenants, and the time of a statement', async () => {
    const rows = 'SELECT n FROM generate_series(1, 20) n';
    expect(await codes(rows, { maxRows: 19 })).toEqual(Array(4).fill('TOO_MANY_ROWS'));
    expect(await codes(rows, { maxRows: 20 })).toEqual(Array(4).fill(false));
    const all = connections.acrossTenants({}, rows, { ...REASON, maxTotalRows: 79 });
    await expect(all).rejects.toMatchObject({ code: 'TOO_MANY_ROWS' });
    const [code] = await codes('SELECT count(*) FROM generate_series(1, 1000000000)', { timeoutMs: 50 });
    expect(code).toBe('57014');
  });

  it('is in the audit log with its reason and actor, without constants and names', async () => {
    const actor = { name: 'ada', address: '192.0.2.7' };
    const query = { text: `SELECT count(*) FROM notes WHERE text = 'secret' OR text = $1`, values: ['hidden'] };
    await connections.acrossTenants({ slugs: ['acme'] }, query, { reason: 'ticket 7', actor });
    const [entry] = await catalog.query<object[]>('SELECT * FROM audit_log ORDER BY id DESC LIMIT 1');
    expect(entry).toMatchObject({
      ...{ actor: 'ada', address: '192.0.2.7', action: 'tenants.read', subject_kind: 'fleet', subject: 'fleet' },
      after: {
        reason: 'ticket 7',
        status: ['active'],
        namedTenants: 1,
        statement: expect.stringContaining('from notes where text = ?'),
      },
    });
    expect(JSON.stringify(entry)).not.toMatch(/secret|hidden|acme/);
  });

  it('reads nothing without a reason, nor within a tenant context', async () => {
    const entries = await auditEntries();
    for (const options of [{}, { reason: ' ' }, { ...REASON, timeout: 5 }]) {
      const refused = connections.acrossTenants({}, TEXTS, options as typeof REASON);
      await expect(refused).rejects.toMatchObject({ code: 'INVALID_FLEET_INPUT' });
    }
    const nested = connections.run('acme', () => connections.acrossTenants({}, TEXTS, REASON));
    await expect(nested).rejects.toMatchObject({ code: 'WITHIN_TENANT_CONTEXT' });
    expect(await auditEntries()).toEqual(entries);
  });

  it('reports a tenant that cannot be read beside the rows of the others', async () => {
    await catalog.query(
      `UPDATE connection_targets SET database = database || '_away' WHERE id = (SELECT target_id FROM tenants WHERE slug = 'umbrella')`,
    );
    const outcome = await connections.acrossTenants({}, TEXTS, REASON);
    expect(outcome).toMatchObject({ done: 3, failed: 1, isComplete: true });
    expect(bySlug(outcome.results)).toMatchObject({ umbrella: undefined, acme: [{}, {}] });
    await catalog.query(`UPDATE connection_targets SET database = regexp_replace(database, '_away$', '')`);
  });
});

async function auditEntries(): Promise<unknown> {
  const [row] = await catalog.query<object[]>('SELECT count(*)::int AS entries FROM audit_log');
  return row;
}

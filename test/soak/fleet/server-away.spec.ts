import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { newServer } from '../../../src/admin/servers/server.schemas.js';
import { Servers } from '../../../src/admin/servers/servers.js';
import { TenantProvisioner } from '../../../src/admin/tenants/tenant-provisioner.js';
import { TENANTRY_ACTOR } from '../../../src/catalog/audit/actor.js';
import { CATALOG } from '../../../src/catalog/catalog-data-source.js';
import { TenantConnectionService, TenantContext, type TenantIdentity } from '../../../src/index.js';
import { failureOf } from '../../../src/platform/postgres/failure-of.js';
import { HostApplication } from '../../support/host/host-application.js';
import { soon } from '../../support/load/soon.js';
import { PASSWORDS } from '../../support/postgres/embedded-server.js';
import { PrivatePostgres } from '../../support/postgres/private-postgres.js';

/** On each of two servers. */
const COUNTS = { row: 4, schema: 3, database: 2 } as const;
const PER_SERVER = 9;
/** Seconds. A test has many times as long as the tenants of a server need if each of them waits for all of these. */
const DEADLINES = { DB_CONNECT_TIMEOUT: '1', DB_STATEMENT_TIMEOUT: '2', DB_POOL_TIMEOUT: '2' };
const WITHIN_MS = 120_000;

/** A server that does not answer is found out by the deadline of a statement, of a connection, or of those that wait for one. */
const SILENT = ['TENANT_UNAVAILABLE', 'STATEMENT_TIMEOUT', 'POOL_TIMEOUT'];

interface Outcome {
  readonly done: number;
  readonly failed: number;
  readonly isComplete: boolean;
  readonly results: readonly ({ readonly tenant: TenantIdentity } & (
    { readonly status: 'done' } | { readonly status: 'failed'; readonly error: unknown }
  ))[];
}

let other: PrivatePostgres;
let host: HostApplication;
let connections: TenantConnectionService;
let context: TenantContext;

beforeAll(async () => {
  other = await PrivatePostgres.start();
  host = await HostApplication.start({ adapter: 'fastify', env: DEADLINES });
  connections = host.nest.get(TenantConnectionService);
  context = host.nest.get(TenantContext);
  const asked = { name: 'other', ...other.address, ownerRole: 'tenantry', ownerPassword: PASSWORDS.owner };
  await host.nest
    .get<DataSource>(CATALOG, { strict: false })
    .transaction((catalog) =>
      host.nest.get(Servers, { strict: false }).register(catalog, newServer.parse(asked), TENANTRY_ACTOR),
    );
  const provisioner = host.nest.get(TenantProvisioner, { strict: false });
  for (const [isolation, count] of Object.entries(COUNTS) as ['row', number][]) {
    for (let n = 0; n < count; n += 1) {
      await provisioner.provision({ slug: `here-${isolation}-${n}`, isolation });
      await provisioner.provision({ slug: `away-${isolation}-${n}`, isolation, server: 'other' });
    }
  }
  const written = await connections.forEachTenant({}, ({ slug }) =>
    context.current().dataSource.query('INSERT INTO notes (text) VALUES ($1)', [`of ${slug}`]),
  );
  expect(written).toMatchObject({ done: 2 * PER_SERVER, failed: 0 });
}, WITHIN_MS);

afterAll(async () => {
  await host?.dispose();
  await other?.stop();
});

/** The texts of each tenant, by both ways over all tenants. */
const WAYS: [name: string, read: () => Promise<Outcome>][] = [
  [
    'forEachTenant',
    () =>
      connections.forEachTenant({}, () =>
        context.current().dataSource.query<{ text: string }[]>('SELECT text FROM notes'),
      ),
  ],
  ['acrossTenants', () => connections.acrossTenants({}, 'SELECT text FROM notes', { reason: 'a test looks' })],
];

const rowsOf = (result: object): unknown => ('rows' in result ? result.rows : 'value' in result && result.value);

/** Every tenant has its own row. */
async function expectAll(read: () => Promise<Outcome>): Promise<void> {
  const { results, ...counts } = await read();
  expect(counts).toEqual({ done: 2 * PER_SERVER, failed: 0, isComplete: true });
  for (const result of results) expect(rowsOf(result)).toEqual([{ text: `of ${result.tenant.slug}` }]);
}

/** The tenants of the server that is away have failed with a code, and no others have. */
async function expectOthers(read: () => Promise<Outcome>, codes: readonly string[]): Promise<void> {
  const { results, ...counts } = await read();
  expect(counts).toEqual({ done: PER_SERVER, failed: PER_SERVER, isComplete: true });
  for (const result of results) {
    const { slug } = result.tenant;
    if (result.status === 'done') {
      expect({ slug, rows: rowsOf(result) }).toEqual({
        slug: expect.stringMatching(/^here-/),
        rows: [{ text: `of ${slug}` }],
      });
    } else {
      const { code } = failureOf(result.error);
      expect({ slug, codes }).toEqual({ slug: expect.stringMatching(/^away-/), codes: expect.arrayContaining([code]) });
    }
  }
  expect(new Set(results.map(({ tenant }) => tenant.slug)).size).toBe(2 * PER_SERVER);
}

describe.each(WAYS)('%s over two servers', (_name, read) => {
  it(
    'has results of one when the other is stopped, and of both when it is back',
    async () => {
      await soon(() => expectAll(read));
      await other.kill();
      try {
        await expectOthers(read, ['TENANT_UNAVAILABLE']); // connections were open
        await expectOthers(read, ['TENANT_UNAVAILABLE']); // none can be opened
      } finally {
        await other.startAgain();
      }
      await soon(() => expectAll(read));
    },
    WITHIN_MS,
  );

  it(
    'has results of one when the other does not answer, and of both when it does',
    async () => {
      await soon(() => expectAll(read));
      await other.freeze();
      try {
        await expectOthers(read, SILENT);
        await expectOthers(read, SILENT);
      } finally {
        await other.thaw();
      }
      await soon(() => expectAll(read));
    },
    WITHIN_MS,
  );
});

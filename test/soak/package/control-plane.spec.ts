import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, Post, VersioningType } from '@nestjs/common';
import type { Repository } from 'typeorm';
import { Country } from '../../../src/app/countries/country.entity.js';
import { Customer } from '../../../src/app/customers/customer.entity.js';
import { newCustomer, type NewCustomer } from '../../../src/app/customers/customer.schemas.js';
import { CreateCustomers1764000000000 } from '../../../src/app/migrations/1764000000000-create-customers.js';
import { CreateCountries1764000002000 } from '../../../src/app/migrations/1764000002000-create-countries.js';
import { InjectTenantRepository, TenantryModule, TenantScoped } from '../../../src/index.js';
import { ValidBody } from '../../../src/rest.js';
import { ADAPTERS, BareApplication } from '../../support/http/bare-application.js';
import { soon } from '../../support/load/soon.js';
import { Exposition } from '../../support/metrics/exposition.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { ADMIN_KEY, baseEnvironment, dropEverything, type Json } from '../../support/test-app.js';

const CUSTOMER = { name: 'Ada', email: 'ada@example.com' };

@TenantScoped()
@Controller('people')
class PeopleController {
  constructor(@InjectTenantRepository(Customer) private readonly customers: Repository<Customer>) {}

  @Get()
  list(): Promise<Customer[]> {
    return this.customers.find();
  }

  @Post()
  create(@ValidBody(newCustomer) values: NewCustomer): Promise<Customer> {
    return this.customers.save(this.customers.create(values));
  }
}

@Controller('plain')
class PlainController {
  @Get()
  plain(): object {
    return { plain: true };
  }
}

describe.each(ADAPTERS)('the control plane in an application on %s, with its own prefix and versions', (adapter) => {
  let database: TestDatabase;
  let dataDir: string;
  let host: BareApplication;
  let key: string;

  beforeAll(async () => {
    database = await createTestDatabase('catalog');
    dataDir = await mkdtemp(join(tmpdir(), 'tenantry-host-'));
    const env = baseEnvironment(database.url, dataDir);

    @Module({
      imports: [
        TenantryModule.forRoot({ env, controlPlane: true, health: true, metrics: true }),
        TenantryModule.forFeature({
          entities: [Customer],
          referenceEntities: [Country],
          migrations: [CreateCustomers1764000000000, CreateCountries1764000002000],
        }),
      ],
      controllers: [PeopleController, PlainController],
    })
    class HostModule {}

    host = await BareApplication.start(HostModule, adapter, (nest) => {
      nest.setGlobalPrefix('shop');
      nest.enableVersioning({ type: VersioningType.URI, defaultVersion: '2' });
    });
  });

  afterAll(async () => {
    await host?.stop();
    await dropEverything(database);
    await rm(dataDir, { recursive: true, force: true });
  });

  function send(method: string, path: string, { body, key: apiKey = ADMIN_KEY, headers = {} }: Sent = {}) {
    return host.call(`/shop${path}`, {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }

  async function ended(location: string | null): Promise<Json> {
    let operation: Json;
    await soon(async () => {
      operation = (await host.call(location ?? '', { headers: { authorization: `Bearer ${ADMIN_KEY}` } })).body;
      expect(['succeeded', 'failed', 'cancelled']).toContain(operation.status);
    });
    return operation;
  }

  it('creates a tenant by an operation, whose Location is behind the prefix, and which can be followed', async () => {
    const body = { slug: 'acme', isolation: 'schema' };
    const created = await send('POST', '/admin/v1/tenants', { body });
    expect(created).toMatchObject({ status: 202, body: { tenant: { slug: 'acme', status: 'provisioning' } } });
    const location = created.headers.get('location') ?? '';
    expect(location).toBe(`/shop/admin/v1/operations/${created.body.operation.id}`);

    const events = await host.call(`${location}/events`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
    expect(events.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(events.body).toMatch(/event: operation\n.*"status":"succeeded"/s);
    expect(await ended(location)).toMatchObject({ kind: 'provision', status: 'succeeded' });
  });

  it('issues a key once for an Idempotency-Key, with which the tenant is served', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const issue = () => send('POST', '/admin/v1/tenants/acme/api-keys', { body: { name: 'first' }, headers });
    const [first, second] = [await issue(), await issue()];
    expect([first.status, first.headers.get('idempotency-replayed')]).toEqual([201, null]);
    expect([second.body, second.headers.get('idempotency-replayed')]).toEqual([first.body, 'true']);
    key = first.body.token;
    expect((await send('POST', '/v2/people', { key, body: CUSTOMER })).status).toBe(201);
    expect((await send('GET', '/v2/people', { key })).body).toEqual([expect.objectContaining(CUSTOMER)]);
  });

  it('refuses invalid requests and callers with problem details', async () => {
    const body = { slug: 'other', isolation: 'row', tenantId: 'x' };
    const invalid = await send('POST', '/admin/v1/tenants', { body });
    expect(invalid.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(invalid.body).toMatchObject({
      status: 400,
      code: 'VALIDATION_FAILED',
      errors: [{ field: 'tenantId', message: 'is not a known field' }],
    });
    expect((await send('GET', '/admin/v1/tenants?limit=0')).body).toMatchObject({ code: 'VALIDATION_FAILED' });
    expect((await send('GET', '/admin/v1/tenants/nobody')).body).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    const refused = await send('GET', '/admin/v1/tenants', { key: 'wrong' });
    expect(refused.headers.get('www-authenticate')).toBe('Bearer');
    expect(refused.body).toMatchObject({ status: 401, code: 'UNAUTHENTICATED', type: 'about:blank' });
    expect((await send('GET', '/admin/v1/tenants', { key })).body).toMatchObject({ code: 'FORBIDDEN' });
  });

  it("answers on the application's own routes in Nest's format, without its filter", async () => {
    const refused = await send('POST', '/v2/people', { key, body: { name: 'Ada' } });
    expect([refused.status, refused.body]).toEqual([
      400,
      { statusCode: 400, code: 'VALIDATION_FAILED', message: expect.any(String), errors: [expect.anything()] },
    ]);
    expect((await host.call('/shop/v2/plain')).body).toEqual({ plain: true });
  });

  it('serves probes and metrics, which count its requests by route', async () => {
    const ready = await host.call('/shop/health/ready');
    expect([ready.status, ready.body.status]).toEqual([200, 'ok']);
    expect((await host.call('/shop/metrics')).body).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    await host.call('/shop/made-up');
    await soon(async () => {
      const exposition = new Exposition((await send('GET', '/metrics')).body);
      const requests = exposition
        .named('tenantry_http_requests_total')
        .map(({ labels, value }) => ({ ...labels, value }));
      expect(requests).toContainEqual({ method: 'POST', route: '/shop/admin/v1/tenants', status: '202', value: 1 });
      expect(requests).toContainEqual({ method: 'GET', route: 'unknown', status: '404', value: 1 });
      const ofTenant = exposition
        .named('tenantry_tenant_requests_total')
        .filter(({ labels }) => labels['tenant'] === 'acme');
      expect(ofTenant[0]?.value).toBeGreaterThan(0);
    });
  });

  it('suspends, resumes and deletes the tenant', async () => {
    expect((await send('POST', '/admin/v1/tenants/acme/suspend')).body).toMatchObject({ status: 'suspended' });
    await soon(async () => expect((await send('GET', '/v2/people', { key })).body.code).toBe('TENANT_SUSPENDED'));
    expect((await send('POST', '/admin/v1/tenants/acme/resume')).body).toMatchObject({ status: 'active' });
    await soon(async () => expect((await send('GET', '/v2/people', { key })).status).toBe(200));
    const deleted = await send('DELETE', '/admin/v1/tenants/acme?graceSeconds=0');
    expect(deleted.headers.get('location')).toMatch(/^\/shop\/admin\/v1\/operations\//);
    expect(await ended(deleted.headers.get('location'))).toMatchObject({ status: 'succeeded' });
    await soon(async () => expect((await send('GET', '/v2/people', { key })).status).toBe(401));
  });
});

interface Sent {
  readonly body?: object;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

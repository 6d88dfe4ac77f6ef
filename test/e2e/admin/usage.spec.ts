import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import { positionOf, UsageEvents } from '../../../src/admin/usage/usage-events.js';
import { UsageRecords } from '../../../src/admin/usage/usage-records.js';
import { ADMIN_KEY_OPERATOR } from '../../../src/catalog/model/operator.js';
import { AdminClient } from '../../support/admin/admin-client.js';
import { type Json, TestApp } from '../../support/test-app.js';
import { UsageWriter } from '../../../src/tenant/usage/usage-writer.js';

let app: TestApp;
let admin: AdminClient;

beforeAll(async () => {
  app = await TestApp.start();
  admin = new AdminClient(app);
  await app.provision('acme', 'row');
  const apiKey = await admin.issueKey('acme');
  for (let n = 0; n < 7; n++) expect((await app.call('/api/v1/orders', { apiKey })).status).toBe(200);
  await workAsTenant();
  expect((await app.call('/api/v1/orders', { apiKey })).status).toBe(200);
  await expectCounted(8);
});

afterAll(async () => app.dispose());

/** Of which nothing is counted. */
async function workAsTenant(): Promise<void> {
  const body = { reason: 'a test' };
  const { token } = (await admin.send('POST', '/tenants/acme/impersonations', { body })).body;
  for (let n = 0; n < 3; n++) expect((await app.call('/api/v1/orders', { apiKey: token })).status).toBe(200);
}

/** A response is counted after its client has it. */
async function expectCounted(requests: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    await app.application.nest.get(UsageWriter).write();
    const [usage] = (await admin.get('/usage?tenant=acme&by=month')).body.items;
    if (usage?.requests === requests) return;
  }
  throw new Error(`not ${requests} requests`);
}

it('is what clients have counted, with statements and time in PostgreSQL', async () => {
  const { items } = (await admin.get('/usage?tenant=acme&by=hour')).body;
  const sum = (field: string): number => items.reduce((total: number, item: Json) => total + item[field], 0);
  expect([sum('requests'), sum('errors')]).toEqual([8, 0]);
  expect(sum('statements')).toBeGreaterThanOrEqual(8);
  expect(sum('databaseMs')).toBeGreaterThan(0);
  expect(sum('databaseMs')).toBeLessThan(sum('durationMs') * 10);
});

it('shows the busiest tenants of the last minute', async () => {
  const { items, totals } = (await admin.get('/usage/now')).body;
  expect(items).toEqual([expect.objectContaining({ tenant: 'acme', requests: 8 })]);
  expect(totals).toMatchObject({ requests: 8, errors: 0 });
  expect(totals.p95Ms).toBeGreaterThan(0);
  expect(totals.p95Ms).toBeLessThan(totals.durationMs + 1_000);
});

it('sums all tenants up, and for a limited operator those that it may see', async () => {
  const { items } = (await admin.get('/usage/totals?by=month')).body;
  expect(items).toEqual([expect.objectContaining({ requests: 8, errors: 0 })]);
  expect(items[0].tenant).toBeUndefined();
  const body = { name: 'limited', role: 'viewer', limitedTo: { groups: ['elsewhere'] } };
  const { token } = (await admin.send('POST', '/operators', { body })).body;
  expect((await app.call('/admin/v1/usage/totals', { apiKey: token })).body).toEqual({ items: [] });
  expect((await app.call('/admin/v1/usage/now', { apiKey: token })).body).toEqual({ items: [], totals: null });
});

it('is CSV where that is asked for', async () => {
  const answer = await admin.send('GET', '/usage?by=month', { headers: { accept: 'text/csv' } });
  expect(answer.headers.get('content-type')).toMatch(/^text\/csv/);
  expect(answer.text).toMatch(/^at,tenantId,tenant,requests,.*\r\n"[^"]+","[^"]+","acme",8,/);
});

it('refuses what is no period, time or cursor', async () => {
  for (const query of ['by=week', 'from=today', 'cursor=x', 'tenant=%00']) {
    expect([query, (await admin.get(`/usage?${query}`)).status]).toEqual([query, 400]);
  }
  for (const query of ['by=hour&from=2020-01-01T00:00:00Z', 'from=today', 'to=today', 'from=', 'by=week']) {
    expect([query, (await admin.get(`/usage/totals?${query}`)).status]).toEqual([query, 400]);
  }
});

it('streams a finished hour once, and resumes after it', async () => {
  const { nest } = app.application;
  await app.database.admin("UPDATE usage_hours SET hour = hour - interval '3 hours'");
  const event = await firstValueFrom(nest.get(UsageEvents, { strict: false }).follow(undefined, ADMIN_KEY_OPERATOR));
  expect(JSON.parse(event.data as string)).toMatchObject({ tenant: 'acme' });
  const rest = await nest.get(UsageRecords, { strict: false }).finished(positionOf(event.id!)!, 10);
  const all = await nest
    .get(UsageRecords, { strict: false })
    .finished({ at: new Date(0), tenantId: rest[0]?.tenantId ?? positionOf(event.id!)!.tenantId }, 10);
  expect(all.length).toBe(rest.length + 1);
});

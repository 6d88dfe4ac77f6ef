import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { targetOfUrl } from '../../../src/database/connection/connection-target.js';
import { PgBouncer } from '../../support/postgres/pgbouncer.js';
import { createTestDatabase } from '../../support/postgres/postgres.js';
import { TestApp, type TestTenant } from '../../support/test-app.js';
import { WireTap, type WireMessage } from '../../support/statements/wire-tap.js';

let pooler: PgBouncer;
let tap: WireTap;
let app: TestApp;
let acme: TestTenant;

beforeAll(async () => {
  pooler = await PgBouncer.start();
  const database = await createTestDatabase('catalog');
  const target = pooler.through(targetOfUrl(database.url, 'pooler'));
  tap = await WireTap.before(target);
  const url = new URL(database.url);
  url.port = String(tap.through(target).server.port);
  app = await TestApp.over(database, { ...pooler.environment(database), DATABASE_URL: url.href });
  acme = await app.provision('acme', 'schema');
});

afterAll(async () => {
  await app.dispose();
  await tap.close();
  await pooler.stop();
});

/** `current_setting` only reads. */
const SETS = /\b(?:set|set_config|listen|prepare)\b/i;

/** Zero-terminated texts. */
function texts({ body }: WireMessage, from = 0): string[] {
  return body.toString('utf8', from).split('\0');
}

it('nothing is set at connect, nothing outside a transaction, and no statement or portal has a name', async () => {
  const customer = await app.call('/api/v1/customers', {
    method: 'POST',
    apiKey: acme.apiKey,
    body: { name: 'Ada', email: 'ada@example.com' },
  });
  const order = await app.call('/api/v1/orders', {
    method: 'POST',
    apiKey: acme.apiKey,
    body: {
      number: 'A-1',
      customerId: customer.body.id,
      currency: 'EUR',
      lines: [{ description: 'A line', quantity: 1, unitPrice: 1 }],
    },
  });
  const summary = await app.call('/api/v1/orders/summary', { apiKey: acme.apiKey });
  expect([customer.status, order.status, summary.status]).toEqual([201, 201, 200]);

  const ofType = (type: string): WireMessage[] => tap.messages.filter((message) => message.type === type);
  // After the protocol's version: names and values by turns, then nothing.
  const atConnect = ofType('').map((message) => texts(message, 4).filter((_text, index) => index % 2 === 0));
  expect(atConnect.length).toBeGreaterThan(2);
  for (const names of atConnect) {
    expect(names.filter(Boolean).toSorted()).toEqual(['application_name', 'client_encoding', 'database', 'user']);
  }

  const prepared = ofType('P').map((message) => texts(message));
  expect(prepared.some(([, text]) => text?.startsWith('INSERT INTO'))).toBe(true);
  expect(prepared.map(([name]) => name)).toEqual(prepared.map(() => ''));
  const bound = ofType('B').map((message) => texts(message).slice(0, 2));
  expect(bound.length).toBeGreaterThan(0);
  expect(bound).toEqual(bound.map(() => ['', '']));

  const simple = ofType('Q').map((message) => texts(message)[0] ?? '');
  expect(simple.filter((text) => SETS.test(text))).toEqual([]);
});

import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { AdminClient } from '../../support/admin/admin-client.js';
import { ADMIN_KEY, TestApp } from '../../support/test-app.js';

let app: TestApp;
let admin: AdminClient;

beforeAll(async () => {
  app = await TestApp.start();
  admin = new AdminClient(app);
  await app.provision('acme', 'row');
});

afterAll(async () => app.dispose());

interface Stream {
  readonly status: number | undefined;
  readonly ended: Promise<unknown>;
  hasEnded: boolean;
  readonly call: ClientRequest;
}

async function create(name: string, options: object): Promise<string> {
  const answer = await admin.send('POST', '/operators', { body: { name, ...options } });
  expect(answer.status).toBe(201);
  return answer.body.token;
}

async function follow(key: string, path = '/admin/v1/usage/events'): Promise<Stream> {
  const call = request(app.url + path, { headers: { authorization: `Bearer ${key}` } });
  call.on('error', () => undefined).end();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  response.on('error', () => undefined).resume();
  const ended = new Promise((resolve) => response.once('close', resolve));
  const stream = { status: response.statusCode, ended, hasEnded: false, call };
  void ended.then(() => (stream.hasEnded = true));
  return stream;
}

const idOf = (key: string): string => key.split('_')[1]!;

it('a stream ends within seconds when its operator is not admitted any more, or otherwise; others go on', async () => {
  const keys = {
    revoked: await create('anna', { role: 'viewer' }),
    keyRevoked: await create('berta', { role: 'viewer' }),
    expired: await create('carla', { role: 'viewer' }),
    demoted: await create('dora', { role: 'operator' }),
    limited: await create('emil', { role: 'viewer' }),
    same: await create('franz', { role: 'viewer', limitedTo: { tenants: ['acme'], groups: [] } }),
    admin: ADMIN_KEY,
  };
  const streams = new Map<string, Stream>();
  for (const [name, key] of Object.entries(keys)) streams.set(name, await follow(key));
  expect([...streams.values()].map(({ status }) => status)).toEqual(Array(7).fill(200));

  await admin.send('DELETE', '/operators/anna');
  await admin.send('DELETE', `/operators/berta/keys/${idOf(keys.keyRevoked)}`);
  await app.database.admin(
    `UPDATE operator_keys SET created_at = now() - interval '2 days', expires_at = now() - interval '1 second' WHERE id = '${idOf(keys.expired)}'`,
  );
  await admin.send('PATCH', '/operators/dora', { body: { role: 'viewer' } });
  await admin.send('PATCH', '/operators/emil', { body: { limitedTo: { tenants: ['acme'], groups: [] } } });

  await Promise.all(['revoked', 'keyRevoked', 'expired', 'demoted', 'limited'].map((name) => streams.get(name)!.ended));
  expect([streams.get('same')!.hasEnded, streams.get('admin')!.hasEnded]).toEqual([false, false]);
  expect((await follow(keys.limited)).status).toBe(200); // as what the operator is now
  for (const { call } of streams.values()) call.destroy();
});

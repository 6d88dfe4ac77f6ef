import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type ClientProxy, ClientProxyFactory, Transport } from '@nestjs/microservices';
import { firstValueFrom, timeout } from 'rxjs';
import { type RunningApp, startApp } from './app.js';
import { type KnownTenant, Operator } from './operator.js';

describe('A microservice over TCP', () => {
  let app: RunningApp;
  let operator: Operator;
  let client: ClientProxy;
  let acme: KnownTenant;
  let beta: KnownTenant;

  before(async () => {
    const port = await freePort();
    app = await startApp({ http: 'express', microservicePort: port });
    operator = new Operator(app.url);
    client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
    [acme, beta] = await Promise.all([operator.createTenant('acme-rpc'), operator.createTenant('beta-rpc')]);
  });

  after(async () => {
    await client?.close();
    await app?.nest.close();
  });

  const send = (pattern: string, data: object): Promise<unknown> =>
    firstValueFrom(client.send(pattern, data).pipe(timeout(20_000)));

  it('a message is handled in the context of the tenant that the message resolver names', async () => {
    const tenants = Array.from({ length: 20 }, (_, index) => [acme, beta][index % 2]!);
    const answers = await Promise.all(tenants.map(({ key }) => send('notes.list', { token: key })));
    assert.deepEqual(
      answers,
      tenants.map(({ slug }) => ({ tenant: slug, notes: [] })),
    );
  });

  it('a message without a tenant, or with a revoked key, is refused with a code', async () => {
    assert.equal(await send('ping', {}), 'pong');
    await assert.rejects(send('notes.list', {}), { code: 'UNAUTHENTICATED' });
    await operator.revoke(acme);
    await operator.untilRefused(acme);
    await assert.rejects(send('notes.list', { token: acme.key }), { code: 'UNAUTHENTICATED' });
    await operator.suspend(beta);
    await operator.untilRefused(beta);
    await assert.rejects(send('notes.list', { token: beta.key }), { code: 'TENANT_SUSPENDED' });
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { AppOptions, RunningApp } from './app.js';
import { type Client, connect } from './clients.js';
import { NotesGateway } from './notes.gateway.js';
import type { KnownTenant, Operator } from './operator.js';
import { startScene } from './scene.js';

const STACKS = [
  { http: 'express', sockets: 'socket.io' },
  { http: 'fastify', sockets: 'socket.io' },
  { http: 'express', sockets: 'ws' },
  { http: 'fastify', sockets: 'ws' },
] as const satisfies readonly AppOptions[];

for (const stack of STACKS) {
  describe(`A gateway: ${stack.sockets} on ${stack.http}`, () => {
    let app: RunningApp;
    let operator: Operator;
    let acme: KnownTenant;
    let beta: KnownTenant;

    before(async () => {
      ({ app, operator, acme, beta } = await startScene(stack, stack.sockets.replace('.', '')));
    });

    after(() => app?.nest.close());

    const open = (key: string | undefined, how: 'header' | 'browser' = 'header'): Promise<Client> =>
      connect(stack.sockets, app.url, key, how);

    /** The answer to a message: an event, or an exception. */
    async function ask(client: Client, event: string, data: unknown): Promise<unknown> {
      const before = client.received.length;
      client.send(event, data);
      await operator.until(() => client.received.length > before);
      return client.received[before];
    }

    it('a handler, handleConnection and handleDisconnect run in the context of the handshake’s tenant', async () => {
      const gateway = app.nest.get(NotesGateway);
      for (const [{ slug, key }, how] of [
        [acme, 'header'],
        [beta, 'browser'],
      ] as const) {
        const client = await open(key, how);
        const added = { event: 'added', data: { id: 1, tenant: slug, notes: [`of ${slug}`] } };
        assert.deepEqual(await ask(client, 'add', { id: 1, text: `of ${slug}` }), added);
        assert.deepEqual(await ask(client, 'list', 2), {
          event: 'listed',
          data: { id: 2, tenant: slug, notes: [`of ${slug}`] },
        });
        assert.ok(gateway.connected.includes(slug));
        client.close();
        await operator.until(() => gateway.disconnected.includes(slug));
      }
    });

    it('a client without a valid credential is told the code and disconnected', async () => {
      for (const key of [undefined, 'tnt_wrong']) {
        const client = await open(key);
        await operator.until(() => client.isClosed);
        assert.deepEqual(
          client.received.map(({ event, data }) => [event, data['code']]),
          [['exception', 'UNAUTHENTICATED']],
        );
      }
    });

    it('a message above the limit of requests gets the code, and its socket stays open', async () => {
      const slug = `limited-${stack.sockets.replace('.', '')}-${stack.http}`;
      const client = await open((await operator.createTenant(slug, 'row', { requestsPerDay: 2 })).key);
      for (const id of [1, 2]) {
        assert.deepEqual(await ask(client, 'list', id), { event: 'listed', data: { id, tenant: slug, notes: [] } });
      }
      const { event, data } = (await ask(client, 'list', 3)) as { event: string; data: { code?: unknown } };
      assert.deepEqual([event, data.code, client.isClosed], ['exception', 'RATE_LIMITED', false]);
      client.close();
    });

    it('a socket whose key is revoked, or whose tenant is suspended, is closed, and its next message refused', async () => {
      const other = { slug: acme.slug, ...(await operator.issueKey(acme.slug)) };
      const revoked = await open(other.key);
      const kept = await open(acme.key);
      await ask(revoked, 'list', 1);
      await operator.revoke(other);
      await operator.until(() => revoked.isClosed);
      assert.deepEqual(revoked.received.at(-1)?.data['code'], 'UNAUTHENTICATED');
      assert.equal(kept.isClosed, false);
      const suspended = await open(beta.key);
      await ask(suspended, 'list', 1);
      await operator.suspend(beta);
      await operator.until(() => suspended.isClosed);
      assert.deepEqual(suspended.received.at(-1)?.data['code'], 'TENANT_SUSPENDED');
      kept.close();
    });
  });
}

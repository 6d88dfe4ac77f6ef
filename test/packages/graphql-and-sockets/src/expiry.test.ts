import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { AppOptions } from './app.js';
import { connect } from './clients.js';
import { bearer, codesOf, query } from './graphql-client.js';
import { added } from './notes.resolver.js';
import { type Scene, startScene } from './scene.js';
import { subscribe } from './subscriptions.js';
import { expiringToken, JWT_SECRET } from './tokens.js';

const env = { JWT_SECRET };
const STACKS = [
  { http: 'express', graphql: 'apollo', sockets: 'socket.io', env },
  { http: 'fastify', graphql: 'mercurius', env },
  { http: 'fastify', sockets: 'ws', env },
] as const satisfies readonly AppOptions[];

describe('A token that expires', { concurrency: true }, () => {
  const scenes: Scene[] = [];

  before(async () => {
    // One after another: they have their gateways' class in common.
    for (const stack of STACKS) scenes.push(await startScene(stack, `expiry-${scenes.length}`));
  });

  after(() => Promise.all(scenes.map(({ app }) => app.nest.close())));

  STACKS.forEach((stack: AppOptions, index) => {
    const { http, sockets, graphql } = stack;

    if (sockets) {
      it(`is refused at the next message, and its idle sockets are closed: ${sockets} on ${http}`, async () => {
        const { app, operator, acme } = scenes[index]!;
        const { token, isExpired } = expiringToken(acme.slug);
        const [client, idle] = [
          await connect(sockets, app.url, token, 'browser'),
          await connect(sockets, app.url, token, 'header'),
        ];
        client.send('list', 1);
        await operator.until(() => client.received.length > 0);
        assert.equal(client.received[0]?.data['tenant'], acme.slug);
        await operator.until(isExpired);
        client.send('list', 2);
        for (const each of [client, idle]) {
          await operator.until(() => each.isClosed);
          assert.deepEqual(each.received.at(-1)?.data['code'], 'UNAUTHENTICATED');
        }
        assert.equal(
          client.received.some(({ data }) => data['id'] === 2),
          false,
        );
      });
    }

    if (graphql) {
      it(`is refused at the next operation, and ends subscriptions: ${graphql} on ${http}`, async () => {
        const { app, operator, acme, beta } = scenes[index]!;
        const { token, isExpired } = expiringToken(acme.slug);
        const subscription = subscribe(app.url, 'subscription { noteCount }', token);
        assert.deepEqual(await query(app.url, '{ tenant }', bearer(token)), { data: { tenant: acme.slug } });
        const addNote = (): Promise<unknown> =>
          query(app.url, 'mutation { addNote(text: "x") { owner } }', bearer(beta.key));
        await operator.until(() => added.listenerCount('note') > 0);
        await addNote();
        await operator.until(() => subscription.results.length > 0);
        assert.deepEqual(subscription.results[0], { data: { noteCount: 0 } });
        await operator.until(isExpired);
        assert.deepEqual(codesOf(await query(app.url, '{ tenant }', bearer(token))), ['UNAUTHENTICATED']);
        await addNote();
        await operator.until(() => subscription.isEnded);
        assert.match(JSON.stringify(subscription.results.at(-1)), /UNAUTHENTICATED/);
        assert.doesNotMatch(JSON.stringify(subscription.results.at(-1)), /noteCount":\d/);
        subscription.close();
      });
    }
  });
});

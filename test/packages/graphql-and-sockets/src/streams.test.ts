import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { RunningApp } from './app.js';
import { bearer, query } from './graphql-client.js';
import { ticks } from './notes.controller.js';
import { added } from './notes.resolver.js';
import type { KnownTenant, Operator } from './operator.js';
import { GRAPHQL_STACKS, startScene } from './scene.js';
import { subscribe } from './subscriptions.js';

for (const stack of GRAPHQL_STACKS) {
  describe(`Streams: ${stack.graphql} on ${stack.http}`, () => {
    let app: RunningApp;
    let operator: Operator;
    let acme: KnownTenant;
    let beta: KnownTenant;

    before(async () => {
      ({ app, operator, acme, beta } = await startScene(stack, `streams-${stack.graphql}`));
    });

    after(() => app?.nest.close());

    const get = (path: string, { key }: { key: string }): Promise<Response> =>
      fetch(app.url + path, { headers: { authorization: `Bearer ${key}` } });

    it('server-sent events are computed for the stream’s tenant, and end when its key is revoked', async () => {
      const listeners = () => (ticks as unknown as { observers: unknown[] }).observers.length;
      const reader = { slug: acme.slug, ...(await operator.issueKey(acme.slug)) };
      const stream = textOf(await get('/notes/events', reader));
      await operator.until(() => listeners() === 1);
      await get('/notes/tick', beta); // emits within a call of another tenant
      await operator.until(() => stream.text.includes('data: {'));
      assert.match(stream.text, new RegExp(`"tenant":"${acme.slug}"`));
      assert.doesNotMatch(stream.text, /beta/);
      await operator.revoke(reader);
      await operator.until(() => stream.isEnded);
      assert.match(stream.text, /event: error/);
      await operator.until(() => listeners() === 0);
    });

    it('a subscription’s events are resolved for its tenant, and end with an error when its key is revoked', async () => {
      const reader = { slug: acme.slug, ...(await operator.issueKey(acme.slug)) };
      const subscription = subscribe(app.url, 'subscription { noteCount }', reader.key);
      await operator.until(() => added.listenerCount('note') === 1);
      await mutate(beta.key);
      await operator.until(() => subscription.results.length === 1);
      assert.deepEqual(subscription.results[0], { data: { noteCount: 0 } });
      await mutate(acme.key);
      await operator.until(() => subscription.results.length === 2);
      assert.deepEqual(subscription.results[1], { data: { noteCount: 1 } });
      await operator.revoke(reader);
      await operator.until(() => subscription.isEnded);
      assert.match(JSON.stringify(subscription.results[2]), /UNAUTHENTICATED/);
      await operator.until(() => added.listenerCount('note') === 0);
      subscription.close();
    });

    it('a subscription without a valid credential is refused', async () => {
      const subscription = subscribe(app.url, 'subscription { noteCount }', 'tnt_wrong');
      await operator.until(() => subscription.isEnded);
      assert.match(JSON.stringify(subscription.results), /UNAUTHENTICATED|credential is required/);
      assert.equal(added.listenerCount('note'), 0);
      subscription.close();
    });

    async function mutate(key: string): Promise<void> {
      const { errors } = await query(app.url, 'mutation { addNote(text: "x") { owner } }', bearer(key));
      assert.equal(errors, undefined);
    }
  });
}

function textOf(response: Response): { text: string; isEnded: boolean } {
  const stream = { text: '', isEnded: false };
  void (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body!) stream.text += decoder.decode(chunk as Uint8Array);
  })()
    .catch(() => undefined)
    .finally(() => (stream.isEnded = true));
  return stream;
}

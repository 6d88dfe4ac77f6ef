import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type AppOptions, type RunningApp, startApp } from './app.js';
import { type Client, connect } from './clients.js';
import { type KnownTenant, Operator } from './operator.js';

const STACKS = [
  { http: 'express', graphql: 'apollo', sockets: 'socket.io' },
  // Subscriptions of Mercurius answer every upgrade of the server, also those of gateways.
  { http: 'fastify', graphql: 'mercurius', sockets: 'ws', graphqlOptions: { subscription: false } },
] as const satisfies readonly AppOptions[];
const TENANTS = 50;
const CALLS = 10_000;
/** Of the tenants: one in five is suspended, and one in five loses its key. */
const EACH = 5;

interface Counts {
  messages: number;
  operations: number;
  refused: number;
  refusedAfterwards: number;
  servedAfterwards: number;
  underAnotherTenant: number;
}

for (const stack of STACKS) {
  describe(`${CALLS} interleaved calls of ${TENANTS} tenants: ${stack.graphql} and ${stack.sockets} on ${stack.http}`, () => {
    let app: RunningApp;
    let operator: Operator;
    const tenants: KnownTenant[] = [];
    let lastRefusal = '';

    before(async () => {
      app = await startApp(stack);
      operator = new Operator(app.url);
      const slugs = Array.from({ length: TENANTS }, (_, index) => `t${index}-${stack.http}`);
      for (const slug of slugs) tenants.push(await operator.createTenant(slug));
      await Promise.all(
        tenants.map((tenant) => operate(tenant, `mutation { addNote(text: "of ${tenant.slug}") { owner } }`)),
      );
    });

    after(() => app?.nest.close());

    it('none is served for another tenant, none after the revocation was received', async () => {
      const counts: Counts = {
        messages: 0,
        operations: 0,
        refused: 0,
        refusedAfterwards: 0,
        servedAfterwards: 0,
        underAnotherTenant: 0,
      };
      const refusedFromNowOn = new Set<string>();
      let calls = 0;

      const worker = async (tenant: KnownTenant): Promise<void> => {
        let client = await connect(stack.sockets, app.url, tenant.key, 'browser');
        for (let turn = 0; calls < CALLS; turn += 1) {
          const id = (calls += 1);
          const isLate = refusedFromNowOn.has(tenant.slug); // before the call is sent
          if (turn % 2 === 0 && client.isClosed) client = await connect(stack.sockets, app.url, tenant.key, 'browser');
          const owners =
            turn % 2 === 0 ? await message(client, id) : await operate(tenant, '{ myNotes { text owner } tenant }');
          counts[turn % 2 === 0 ? 'messages' : 'operations'] += 1;
          if (owners === undefined) counts[isLate ? 'refusedAfterwards' : 'refused'] += 1;
          else if (isLate) counts.servedAfterwards += 1;
          if (owners?.some((owner) => owner !== tenant.slug && owner !== `of ${tenant.slug}`))
            counts.underAnotherTenant += 1;
          assert.ok(
            owners !== undefined || changed.has(tenant.slug),
            `${tenant.slug} was refused without a change: ${lastRefusal}`,
          );
        }
        client.close();
      };
      const changed = new Set<string>();
      const change = async (tenant: KnownTenant, at: number, apply: () => Promise<void>): Promise<void> => {
        await operator.until(() => calls >= at, 600_000);
        changed.add(tenant.slug);
        await apply();
        await operator.untilRefused(tenant);
        refusedFromNowOn.add(tenant.slug);
      };
      const changes = tenants.flatMap((tenant, index) => {
        const at = (CALLS * 0.8 * index) / TENANTS;
        if (index % EACH === 0) return [change(tenant, at, () => operator.revoke(tenant))];
        return index % EACH === 1 ? [change(tenant, at, () => operator.suspend(tenant))] : [];
      });
      await Promise.all([...tenants.map(worker), ...changes]);

      console.log(
        `${stack.graphql} and ${stack.sockets} on ${stack.http}: ${JSON.stringify(counts)}, ${changes.length} revocations`,
      );
      assert.ok(counts.messages + counts.operations >= CALLS);
      assert.ok(counts.refusedAfterwards > 0, 'the proof needs calls after a revocation');
      assert.equal(counts.servedAfterwards, 0);
      assert.equal(counts.underAnotherTenant, 0);
    });

    /** Whose rows were answered; undefined when the call was refused. */
    async function operate({ key }: KnownTenant, query: string): Promise<string[] | undefined> {
      const response = await fetch(`${app.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
        body: JSON.stringify({ query }),
      });
      const { data, errors } = (await response.json()) as { data: Record<string, unknown>; errors?: unknown[] };
      if (errors) {
        lastRefusal = JSON.stringify(errors);
        return undefined;
      }
      const notes = (data['myNotes'] ?? []) as { text: string; owner: string }[];
      return [
        ...notes.flatMap(({ text, owner }) => [text, owner]),
        ...(data['tenant'] === undefined ? [] : [String(data['tenant'])]),
      ];
    }

    async function message(client: Client, id: number): Promise<string[] | undefined> {
      const from = client.received.length;
      client.send('list', id);
      await operator.until(() => client.isClosed || client.received.length > from);
      const answer = client.received.slice(from).find(({ event, data }) => event === 'listed' && data['id'] === id);
      if (!answer) {
        lastRefusal = JSON.stringify([client.isClosed, client.received.slice(from)]);
        return undefined;
      }
      return [String(answer.data['tenant']), ...(answer.data['notes'] as string[])];
    }
  });
}

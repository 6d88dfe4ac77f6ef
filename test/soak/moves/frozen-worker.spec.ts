import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MovingTenant } from '../../contracts/move-crashes.js';
import { works } from '../../contracts/operation-crashes.js';
import { soon } from '../../support/load/soon.js';
import { Operators } from '../../support/operations/operators.js';
import { asSuperuser } from '../../support/postgres/postgres.js';
import { callOnce } from '../../support/processes/keep-alive.js';
import type { Json } from '../../support/test-app.js';

const LONGEST_MS = 10 * 60_000;
/** A frozen worker is replaced after half a minute. */
const TAKEN_OVER_MS = 5 * 60_000;
const CUSTOMERS = '/api/v1/customers';

let operators: Operators;

beforeAll(async () => {
  operators = await Operators.start();
});
afterAll(async () => operators.close());

/** Writes one row after the other through the instance that is called, until it is stopped. */
class Writer {
  /** Emails of rows whose insertion was acknowledged. */
  readonly acknowledged: string[] = [];
  readonly refusals: unknown[] = [];
  longestMs = 0;
  private goesOn = true;
  private readonly writing: Promise<void>;

  constructor(private readonly token: string) {
    this.writing = this.write();
  }

  async stop(): Promise<void> {
    this.goesOn = false;
    await this.writing;
  }

  private async write(): Promise<void> {
    for (let n = 0; this.goesOn; n += 1) {
      const email = `while-frozen-${n}@example.com`;
      const startedAt = performance.now();
      const { status, body } = await operators.call('POST', CUSTOMERS, { name: 'While frozen', email }, this.token);
      this.longestMs = Math.max(this.longestMs, performance.now() - startedAt);
      if (status === 201) this.acknowledged.push(email);
      else this.refusals.push(body.code);
    }
  }
}

/** Emails of all rows, with repetitions. */
async function stored(database: string, schema: string, tenantId: string): Promise<string[]> {
  const rows = await asSuperuser<{ email: string }>(
    database,
    `SELECT email FROM "${schema}".customers WHERE tenant_id = $1 AND email LIKE 'while-frozen%'`,
    [tenantId],
  );
  return rows.map(({ email }) => email).toSorted();
}

// `pass`: the statement that the worker has sent succeeds while it is frozen; `lift`: its connection is lost.
describe.each([
  ['claim', 'pass'],
  ['flip', 'pass'],
  ['flip', 'lift'],
] as const)(
  'a worker that is frozen in the switch of a move (%s, %s), and woken once another one has ended it',
  (point, how) => {
    it(
      'changes nothing any more: the tenant is at one place, with each acknowledged row once',
      async () => {
        await operators.bothRun();
        const tenant = await MovingTenant.at(operators, 'row');
        const { id: tenantId, database } = await tenant.view();
        await operators.halts.set('switch', point);
        const { id } = await tenant.request('move', { isolation: 'schema' });
        await operators.halts.reached();
        const frozen = await operators.freezeWorkerOf(id);
        await operators.halts[how]();
        const writer = new Writer(tenant.token);
        await soon(async () => {
          const { body } = await operators.call('GET', `/admin/v1/operations/${id}`);
          expect(body).toMatchObject({ status: 'succeeded', error: null });
        }, TAKEN_OVER_MS);
        const moved = await tenant.view();
        frozen.signal('SIGCONT');
        const body = { name: 'Woken', email: 'woken@example.com' };
        const woken = await callOnce(frozen.url, CUSTOMERS, { method: 'POST', apiKey: tenant.token, body });
        expect([woken.status, woken.body]).toEqual([201, expect.anything()]);
        await frozen.said(/Operation worker stopped|Operation failed/);
        await writer.stop();

        expect(await tenant.view()).toMatchObject({ isolation: 'schema', schema: moved.schema, status: 'active' });
        const gates = await asSuperuser<Json>(
          database,
          'SELECT schema, state FROM tenantry_isolation.gates WHERE tenant_id = $1 ORDER BY state',
          [tenantId],
        );
        expect(gates).toEqual([
          { schema: 'shared', state: 'closed' },
          { schema: moved.schema, state: 'open' },
        ]);
        const acknowledged = writer.acknowledged.toSorted();
        expect(acknowledged.length).toBeGreaterThan(0);
        expect(await stored(database, moved.schema, tenantId)).toEqual(acknowledged);
        process.stderr.write(
          `${point}, ${how}: ${acknowledged.length} rows, ${writer.refusals.length} refused ` +
            `(${[...new Set(writer.refusals)].join()}), the longest took ${Math.round(writer.longestMs)} ms\n`,
        );

        await tenant.run('move/back');
        await tenant.hasNoMove();
        expect(await stored(database, 'shared', tenantId)).toEqual(acknowledged);
        await works(operators, moved.slug);
      },
      LONGEST_MS,
    );
  },
);

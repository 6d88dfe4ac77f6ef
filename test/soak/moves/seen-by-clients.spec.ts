import { Agent } from 'node:http';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { provisioned } from '../../contracts/operation-crashes.js';
import { callInTurn } from '../../support/load/call-in-turn.js';
import { soon } from '../../support/load/soon.js';
import { PacedLoad, percentile } from '../../support/load/paced-load.js';
import { Operators } from '../../support/operations/operators.js';
import { asSuperuser } from '../../support/postgres/postgres.js';
import type { Json } from '../../support/test-app.js';

const LONGEST_MS = 15 * 60_000;
const OPERATION_MS = 5 * 60_000;
const PER_SECOND = 500;
const CUSTOMERS = '/api/v1/customers';

let operators: Operators;
let agent: Agent;
let call: ReturnType<typeof callInTurn>;
let slug: string;
let tokens: { moved: string; neighbour: string };
let calls = 0;
/** Emails of the moved tenant's rows whose insertion was acknowledged. */
const acknowledged: string[] = [];

beforeAll(async () => {
  operators = await Operators.start();
  agent = new Agent({ keepAlive: true });
  call = callInTurn(() => operators.urls, agent);
  slug = await provisioned(operators, 'row');
  const keyOf = async (tenant: string): Promise<string> =>
    (await operators.call('POST', `/admin/v1/tenants/${tenant}/api-keys`, {})).body.token;
  tokens = { moved: await keyOf(slug), neighbour: await keyOf(await provisioned(operators, 'row')) };
}, LONGEST_MS);
afterAll(async () => {
  agent.destroy();
  await operators.close();
});

async function insert(token: string, rows?: string[]): Promise<string | undefined> {
  const email = `seen-${(calls += 1)}@example.com`;
  const fault = await call(token, 201, CUSTOMERS, { name: 'Seen', email });
  if (fault === undefined) rows?.push(email);
  return fault;
}

function startLoad(): PacedLoad {
  const { moved, neighbour } = tokens;
  return new PacedLoad(
    [
      ['write', () => insert(moved, acknowledged)],
      ['read', () => call(moved, 200, `${CUSTOMERS}?limit=1`)],
      ['neighbour write', () => insert(neighbour)],
      ['neighbour read', () => call(neighbour, 200, `${CUSTOMERS}?limit=1`)],
    ],
    PER_SECOND,
  );
}

interface Place {
  readonly id: string;
  readonly database: string;
  readonly schema: string;
}

async function place(): Promise<Place> {
  return (await operators.call('GET', `/admin/v1/tenants/${slug}`)).body;
}

async function operate(path: string, body: object = {}): Promise<number> {
  let operation: Json;
  await soon(async () => {
    const answer = await operators.call('POST', `/admin/v1/tenants/${slug}/${path}`, body);
    expect([answer.status, answer.body]).toEqual([202, expect.anything()]);
    operation = answer.body;
  }, OPERATION_MS);
  await soon(async () => {
    const { body: current } = await operators.call('GET', `/admin/v1/operations/${operation.id}`);
    expect(current).toMatchObject({ status: 'succeeded', error: null });
  }, OPERATION_MS);
  const [{ ms }] = (await operators.database.admin<{ ms: number }>(
    `SELECT (result ->> 'waitMs')::float8 AS ms FROM operations WHERE id = $1`,
    [operation.id],
  )) as [{ ms: number }];
  return ms;
}

const round = (value: number): string => `${Math.round(value)} ms`;

it(
  'no request fails during a move, and each acknowledged row is there once; what clients wait for is printed',
  async () => {
    const load = startLoad();
    await load.answered(500);
    const before = [performance.now(), await load.answered(1_000).then(() => performance.now())] as const;
    const waitMs = await operate('move', { isolation: 'schema' });
    const moved = performance.now();
    await load.answered(500);
    await load.stop();
    const seen = (from: number, to: number, ...kinds: string[]): string => {
      const times = load.between(from, to, ...kinds).map(({ ms }) => ms);
      const [p50, p99, longest] = [percentile(times, 0.5), percentile(times, 0.99), percentile(times, 1)];
      return `${times.length} requests, p50 ${round(p50)}, p99 ${round(p99)}, longest ${round(longest)}`;
    };
    const seconds = (load.seen.at(-1)!.at - load.seen[0]!.at) / 1000;
    process.stderr.write(
      [
        `asked for ${PER_SECOND}/s, offered ${Math.round(load.seen.length / seconds)}/s; the switch took ${round(waitMs)}`,
        `writes before: ${seen(...before, 'write')}`,
        `writes during: ${seen(before[1], moved, 'write')}`,
        `reads during: ${seen(before[1], moved, 'read')}`,
        `neighbour before: ${seen(...before, 'neighbour read', 'neighbour write')}`,
        `neighbour during: ${seen(before[1], moved, 'neighbour read', 'neighbour write')}\n`,
      ].join('\n'),
    );
    expect(load.seen.filter(({ fault }) => fault !== undefined)).toEqual([]);
    const { id, database, schema } = await place();
    expect(schema).not.toBe('shared');
    const stored = await asSuperuser<{ email: string }>(
      database,
      `SELECT email FROM "${schema}".customers WHERE tenant_id = $1`,
      [id],
    );
    expect(stored.map(({ email }) => email).toSorted()).toEqual(acknowledged.toSorted());
    await operate('move/finish');
  },
  LONGEST_MS,
);

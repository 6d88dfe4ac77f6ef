import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cli, type CommandResult, settings } from '../../support/cli/cli.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { freePort } from '../../support/processes/free-port.js';

const KEY = randomBytes(32).toString('base64');
const LIMITS = { DB_CONNECT_TIMEOUT: '2', DB_POOL_TIMEOUT: '3' };
/** Every step has a limit of a few seconds; without one, a command went on for ever. */
const ENDS_WITHIN_MS = 45_000;

let database: TestDatabase;
let folder: string;
let silent: Server;
const sockets = new Set<Socket>();

beforeAll(async () => {
  database = await createTestDatabase('ends');
  folder = await mkdtemp(join(tmpdir(), 'tenantry-ends-'));
  silent = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  }).listen(0, '127.0.0.1');
  await once(silent, 'listening');
});

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  silent.close();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const silentPort = (): number => (silent.address() as AddressInfo).port;

function at(port: number): string {
  const url = new URL(database.url);
  url.port = String(port);
  return url.href;
}

/** @returns undefined when the command had to be killed */
async function run(env: Record<string, string>, ...args: string[]): Promise<CommandResult | undefined> {
  const cli = new Cli({ ...settings(KEY, folder), DATABASE_URL: database.url, ...LIMITS, ...env });
  const child = cli.start(...args);
  const deadline = setTimeout(() => child.kill('SIGKILL'), ENDS_WITHIN_MS);
  child.stdin.end();
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(deadline);
  return code === null ? undefined : ({ code, stdout, stderr } as CommandResult);
}

/** Failed, with one line that says why. */
const FAILED = { code: 1, stderr: expect.stringMatching(/^tenantry: [^\n]* cannot be reached[^\n]*\n$/) };

describe.each([
  ['tenants', []],
  ['operations', []],
  ['servers', []],
])('%s', (command, args: string[]) => {
  it('ends when the pooler refuses connections and the direct address does not', async () => {
    const env = { DATABASE_URL: at(await freePort()), DATABASE_DIRECT_URL: database.url, DB_POOLER: 'transaction' };
    expect(await run(env, command, ...args)).toMatchObject(FAILED);
  });

  it('ends when the pooler accepts connections and never answers', async () => {
    const env = { DATABASE_URL: at(silentPort()), DATABASE_DIRECT_URL: database.url, DB_POOLER: 'transaction' };
    expect(await run(env, command, ...args)).toMatchObject(FAILED);
  });

  it('ends when the catalog never answers', async () => {
    expect(await run({ DATABASE_URL: at(silentPort()) }, command, ...args)).toMatchObject(FAILED);
  });
});

describe('a Redis that never answers', () => {
  const redis = (): Record<string, string> => ({
    ...{ ENABLE_REDIS_CACHE: 'true', REDIS_HOST: '127.0.0.1', REDIS_PORT: String(silentPort()) },
  });

  it.each([
    ['tenants', ['delete', 'nobody', '--yes']],
    ['doctor', []],
    ['migrate', []],
  ])('does not keep %s', async (command, args: string[]) => {
    expect(await run(redis(), command, ...args)).toMatchObject({ code: expect.any(Number) });
  });
});

it('doctor ends when the pooler is away, and says so', async () => {
  const env = { DATABASE_URL: at(await freePort()), DATABASE_DIRECT_URL: database.url, DB_POOLER: 'transaction' };
  expect(await run(env, 'doctor')).toMatchObject({ code: 1 });
});

it('hands over all of its output before it ends', async () => {
  const ran = await run({}, 'tenants', '--json');
  expect(ran?.code).toBe(0);
  expect(JSON.parse(ran?.stdout ?? '')).toMatchObject({ items: [] });
});

import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { ReadOnlyServerError } from '../../../../src/database/connection/connection.errors.js';
import { ServerAddresses } from '../../../../src/database/connection/server-addresses.js';
import type { HostAndPort } from '../../../../src/platform/postgres/database-url.js';

const [A, B, C] = ['a', 'b', 'c'].map((host) => ({ host, port: 5432 })) as [HostAndPort, HostAndPort, HostAndPort];

type Answer = 'accepts' | 'silent' | Error;

/** Three servers, and what each answers. */
class Servers {
  answers: Record<string, Answer> = { a: 'accepts', b: standby(), c: standby() };
  /** Hosts that were asked. */
  readonly asked: string[] = [];
  readonly abandoned: string[] = [];
  readonly addresses = new ServerAddresses([A, B, C], () => Date.now());

  find(login = 'app'): Promise<string> {
    return this.addresses.find((address, signal) => this.answer(address, signal), login).then(({ host }) => host);
  }

  private answer({ host }: HostAndPort, signal: AbortSignal): Promise<void> {
    this.asked.push(host);
    const answer = this.answers[host];
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => this.abandoned.push(host));
      if (answer === 'accepts') resolve();
      else if (answer !== 'silent') reject(answer as Error);
    });
  }
}

let servers: Servers;
beforeEach(() => {
  jest.useFakeTimers();
  servers = new Servers();
});
afterEach(() => void jest.useRealTimers());

it('the last known address is asked alone, and not again within a second', async () => {
  expect([await servers.find(), await servers.find()]).toEqual(['a', 'a']);
  expect(servers.asked).toEqual(['a']);
  jest.advanceTimersByTime(1_000);
  expect(await servers.find()).toBe('a');
  expect(servers.asked).toEqual(['a', 'a']);
});

it('an address that refuses writes or the connection sends the search to the others at once', async () => {
  for (const failure of [standby(), new Error('ECONNREFUSED')]) {
    const failed = new Servers();
    failed.answers = { a: failure, b: standby(), c: 'accepts' };
    expect(await failed.find()).toBe('c');
    jest.advanceTimersByTime(1_000);
    await failed.find();
    expect(failed.asked).toEqual(['a', 'b', 'c', 'c']); // the new one is asked first from now on
  }
});

it('an address that does not answer delays a connection by its head start, and is abandoned', async () => {
  servers.answers = { a: 'silent', b: 'silent', c: 'accepts' };
  const finding = servers.find();
  await jest.advanceTimersByTimeAsync(249);
  expect(servers.asked).toEqual(['a']);
  await jest.advanceTimersByTimeAsync(1);
  expect(await finding).toBe('c');
  expect(servers.abandoned.sort()).toEqual(['a', 'b', 'c']);
});

it('while an address does not answer, the others are asked again: one of them may be promoted meanwhile', async () => {
  servers.answers = { a: 'silent', b: standby(), c: standby() };
  const finding = servers.find();
  await jest.advanceTimersByTimeAsync(600);
  servers.answers['b'] = 'accepts';
  await jest.advanceTimersByTimeAsync(250);
  expect(await finding).toBe('b');
});

it('connections that are opened at the same time share a search, and its failure', async () => {
  servers.answers = { a: standby(), b: standby(), c: standby() };
  const outcomes = await Promise.allSettled([servers.find(), servers.find(), servers.find()]);
  expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['rejected']));
  expect(servers.asked).toEqual(['a', 'b', 'c']);
  servers.answers['b'] = 'accepts';
  expect(await servers.find()).toBe('b');
});

it('a doubt about the address has it asked again before the second is over; one about another address has not', async () => {
  await servers.find();
  servers.addresses.doubt(B);
  await servers.find();
  servers.addresses.doubt(A);
  servers.answers = { a: standby(), b: 'accepts', c: standby() };
  expect(await servers.find()).toBe('b');
});

it('without a server that accepts writes the error names all addresses, and what answered', async () => {
  servers.answers = { a: new Error('ECONNREFUSED'), b: standby(), c: standby() };
  await expect(servers.find()).rejects.toMatchObject({
    code: 'SERVER_READ_ONLY',
    message: 'none of a:5432, b:5432, c:5432 accepts writes: those that answer are standbys',
  });
  const down = new Error('ECONNREFUSED');
  servers.answers = { a: down, b: down, c: down };
  await expect(servers.find()).rejects.toBe(down);
});

it('an address that refuses the login is the answer only where no other one accepts writes within a second', async () => {
  servers.answers = { a: refusal('28P01'), b: 'accepts', c: standby() };
  expect(await servers.find()).toBe('b');
  const others = new Servers();
  others.answers = { a: refusal('53300'), b: 'silent', c: standby() };
  const finding = others.find();
  await jest.advanceTimersByTimeAsync(999);
  expect(others.abandoned).toEqual([]);
  await jest.advanceTimersByTimeAsync(1);
  expect(await finding).toBe('a');
});

it('connections of one login that is refused share a search, also where they have waited for that of another login', async () => {
  servers.answers = { a: refusal('28P01'), b: standby(), c: standby() };
  const all = ['app', 'app', 'reports', 'reports', 'reports'].map((login) => servers.find(login));
  expect(await Promise.all(all)).toEqual(['a', 'a', 'a', 'a', 'a']);
  expect(servers.asked).toHaveLength(6);
  const readOnly = new Servers();
  readOnly.answers = { a: new ReadOnlyServerError(false), b: standby(), c: standby() };
  const outcomes = await Promise.allSettled([readOnly.find(), readOnly.find(), readOnly.find()]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(readOnly.asked).toHaveLength(3);
});

it('a refused login says nothing to the others that share the search, and a server that starts is not up', async () => {
  servers.answers = { a: refusal('28P01'), b: standby(), c: standby() };
  const both = Promise.all([servers.find('app'), servers.find('reports')]);
  expect(await both).toEqual(['a', 'a']);
  expect(servers.asked).toHaveLength(6);
  servers.answers = { a: refusal('57P03'), b: refusal('57P03'), c: refusal('57P03') };
  await expect(servers.find()).rejects.toMatchObject({ code: '57P03' });
});

it('a server that refuses writes of one login says nothing to the others, and accepts theirs', async () => {
  const mixed = new Servers();
  const ofLogin = new ReadOnlyServerError(false);
  const [limited, plain] = await Promise.allSettled([
    mixed.addresses.find(({ host }) => Promise.reject(host === 'a' ? ofLogin : standby()), 'limited'),
    mixed.find(),
  ]);
  expect(limited).toMatchObject({
    reason: { message: expect.stringContaining('default_transaction_read_only is on') },
  });
  expect(plain).toEqual({ status: 'fulfilled', value: 'a' });
});

it('a server that refuses writes of the login is the answer only where no other one accepts writes within a second', async () => {
  servers.answers = { a: new ReadOnlyServerError(false), b: 'accepts', c: standby() };
  expect(await servers.find()).toBe('b');
  const others = new Servers();
  others.answers = { a: new ReadOnlyServerError(false), b: 'silent', c: standby() };
  const finding = expect(others.find()).rejects.toMatchObject({ code: 'SERVER_READ_ONLY', isStandby: false });
  await jest.advanceTimersByTimeAsync(1_000);
  await finding;
});

function standby(): Error {
  return new ReadOnlyServerError(true);
}

function refusal(code: string): Error {
  return Object.assign(new pg.DatabaseError('refused', 0, 'error'), { code, severity: 'FATAL' });
}

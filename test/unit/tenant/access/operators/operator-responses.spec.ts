import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Operator } from '../../../../../src/catalog/model/operator.js';
import { Shutdown } from '../../../../../src/platform/shutdown/shutdown.js';
import { OperatorResponses } from '../../../../../src/tenant/access/operators/operator-responses.js';
import type { Caller } from '../../../../../src/tenant/identification/caller.js';
import { UnauthenticatedError } from '../../../../../src/tenant/identification/identification.errors.js';
import '../../../../support/silent-logs.js';

const ANNA: Operator = { id: '6f1f6a3e', name: 'anna', role: 'operator', limitedTo: undefined };
const callerOf = (operator: Operator): Caller => ({ kind: 'operator', operator });
const refused = (rejection: unknown): Caller => ({ kind: 'refused', rejection });
const REVOKED = refused(new UnauthenticatedError("revoked operator's key"));
const AWAY = refused(new Error('the catalog does not answer'));

let responses: OperatorResponses;
let caller: Caller | Promise<Caller>;
let lookups: number;

beforeEach(() => {
  jest.useFakeTimers();
  [caller, lookups] = [callerOf({ ...ANNA }), 0];
  const operatorNow = () => ((lookups += 1), caller);
  responses = new OperatorResponses({ operatorNow }, new Shutdown());
});

afterEach(() => void jest.useRealTimers());

function open(operator = ANNA, headersSent = true): PassThrough {
  const response = Object.assign(new PassThrough(), { headersSent });
  responses.watch(operator, {} as never, response as never);
  return response;
}

describe('the response to an operator', () => {
  it('is looked at every two seconds while it is open, and no longer', async () => {
    const response = open();
    await jest.advanceTimersByTimeAsync(10_000);
    expect([lookups, response.destroyed]).toEqual([5, false]);
    response.end();
    response.resume();
    await jest.advanceTimersByTimeAsync(10_000);
    expect([lookups, jest.getTimerCount()]).toEqual([5, 0]);
  });

  it.each<[string, Caller]>([
    ['is refused', REVOKED],
    ['has another role', callerOf({ ...ANNA, role: 'viewer' })],
    ['is limited to tenants', callerOf({ ...ANNA, limitedTo: { tenantIds: [], groups: ['eu'] } })],
  ])('ends when its operator %s', async (_, now) => {
    const response = open();
    caller = now;
    await jest.advanceTimersByTimeAsync(2_000);
    expect(response.destroyed).toBe(true);
  });

  it('is left to its handler until it has begun', async () => {
    const response = open(ANNA, false);
    caller = REVOKED;
    await jest.advanceTimersByTimeAsync(2_000);
    expect([lookups, response.destroyed]).toEqual([0, false]);
    Object.assign(response, { headersSent: true });
    await jest.advanceTimersByTimeAsync(2_000);
    expect(response.destroyed).toBe(true);
  });

  it('stays open for half a minute while the catalog does not answer, or refuses', async () => {
    const [refusing, hanging] = [AWAY, new Promise<never>(() => undefined)];
    for (const answer of [refusing, hanging]) {
      const response = open();
      caller = answer;
      await jest.advanceTimersByTimeAsync(29_000);
      expect(response.destroyed).toBe(false);
      await jest.advanceTimersByTimeAsync(4_000);
      expect(response.destroyed).toBe(true);
    }
  });

  it('is looked at once at a time', async () => {
    open();
    caller = new Promise<never>(() => undefined);
    await jest.advanceTimersByTimeAsync(20_000);
    expect(lookups).toBe(1);
  });

  it('is not looked at for the admin key', async () => {
    open({ ...ANNA, id: null });
    await jest.advanceTimersByTimeAsync(2_000);
    expect(lookups).toBe(0);
  });

  it('is looked at once where two guards admit it', async () => {
    responses.watch(ANNA, {} as never, open() as never);
    await jest.advanceTimersByTimeAsync(2_000);
    expect(lookups).toBe(1);
  });
});

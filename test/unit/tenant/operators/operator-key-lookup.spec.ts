import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { OperatorKeyLookup } from '../../../../src/tenant/operators/operator-key-lookup.js';

interface Query {
  readonly keyIds: string[];
  /** Answers with the keys whose ids begin with an `a`. */
  answer(): void;
}

let queries: Query[];
let lookup: OperatorKeyLookup;

beforeEach(() => {
  jest.useFakeTimers();
  queries = [];
  const query = (_sql: string, [keyIds]: [string[]]) =>
    new Promise((resolve) => {
      const rows = keyIds
        .filter((id) => id.startsWith('a'))
        .map((secretId) => ({ secretId, id: 'anna', name: 'anna' }));
      queries.push({ keyIds, answer: () => resolve(rows) });
    });
  lookup = new OperatorKeyLookup({ query } as never);
});

afterEach(() => void jest.useRealTimers());

const settled = (): Promise<void> => jest.advanceTimersByTimeAsync(20);

describe("look-ups of operators' keys", () => {
  it('are one query at a time, however many are asked for meanwhile', async () => {
    const found = [lookup.find('a1')];
    for (let n = 0; n < 1_000; n += 1) found.push(lookup.find('a1'), lookup.find('a2'), lookup.find('b1'));
    await settled();
    expect(queries.map(({ keyIds }) => keyIds)).toEqual([['a1']]);
    queries[0]?.answer();
    await settled();
    expect(queries.slice(1).map(({ keyIds }) => keyIds)).toEqual([['a1', 'a2', 'b1']]);
    queries[1]?.answer();
    const names = (await Promise.all(found)).map((key) => key?.operator.name);
    expect([names.filter((name) => name === 'anna').length, names.length]).toEqual([2_001, 3_001]);
  });

  it('begin after the call, so that a key which was revoked before it is refused', async () => {
    void lookup.find('a1');
    const later = lookup.find('a1');
    queries[0]?.answer();
    await settled();
    expect(queries.length).toBe(2);
    queries[1]?.answer();
    expect(await later).not.toBeNull();
  });

  it('of what does not exist are remembered for five seconds', async () => {
    const first = lookup.find('b1');
    queries[0]?.answer();
    expect(await first).toBeNull();
    for (let n = 0; n < 1_000; n += 1) expect(await lookup.find('b1')).toBeNull();
    expect(queries.length).toBe(1);
    await jest.advanceTimersByTimeAsync(5_000);
    void lookup.find('b1');
    expect(queries.length).toBe(2);
  });
});

import { describe, expect, it } from '@jest/globals';
import {
  CANARY,
  candidateValues,
  literalsOf,
  newCanary,
} from '../../../../src/testing/isolation/tables/candidate-values.js';

const column = (name: string, type: string, more: object = {}) => ({
  ...{ name, type, isEnum: false, isArray: false, length: null, labels: [], isNotNull: true, hasDefault: false },
  ...more,
});

describe('the values that a column may have', () => {
  const canary = newCanary();

  it('begin with a text that no other row has', () => {
    expect(candidateValues(column('note', 'text'), canary)[0]).toBe(canary);
    expect(canary).toMatch(CANARY);
  });

  it('begin with an address where the name of the column asks for one', () => {
    expect(candidateValues(column('work_email', 'text'), canary)[0]).toBe(`${canary}@example.com`);
  });

  it('fit the length of the column', () => {
    for (const value of candidateValues(column('currency', 'character', { length: 3 }), canary))
      expect(String(value).length).toBeLessThanOrEqual(3);
  });

  it('are the labels of an enum, and arrays of an array', () => {
    const labels = ['draft', 'paid'];
    expect(candidateValues(column('status', 'order_status', { isEnum: true, labels }), canary)).toEqual(labels);
    expect(candidateValues(column('statuses', 'order_status', { isArray: true, labels }), canary)[0]).toEqual([
      'draft',
    ]);
  });

  it('are found in conditions as PostgreSQL prints them', () => {
    expect(literalsOf(`(status = ANY (ARRAY['draft'::text, 'it''s'::text]))`)).toEqual(['draft', "it's"]);
  });
});

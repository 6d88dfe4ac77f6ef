import { describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { limitsOf } from '../../../src/tenantry/combination-limits.js';

/** As in TypeORM 0.3, whose objects call their data source `connection`. */
const OLDER = { manager: { connection: {} } } as unknown as DataSource;
const NEWER = new DataSource({ type: 'postgres' });

describe('what cannot be had with the installed versions', () => {
  it('is nothing with TypeORM 1', () => {
    expect(limitsOf(NEWER, {})).toEqual([]);
  });

  it('is, with TypeORM 0.3, that it ignores undefined in conditions, until the application says what it means', () => {
    expect(limitsOf(OLDER, {})).toEqual([expect.stringContaining('TypeORM 0.3 ignores null and undefined')]);
    const typeorm = { invalidWhereValuesBehavior: { undefined: 'throw' } } as const;
    expect(limitsOf(OLDER, { typeorm })).toEqual([]);
  });

  it('is, with TypeORM 0.3, a way of loading relations where that is chosen', () => {
    const typeorm = { invalidWhereValuesBehavior: {}, relationLoadStrategy: 'query' } as const;
    expect(limitsOf(OLDER, { typeorm })).toEqual([expect.stringContaining("relationLoadStrategy: 'query'")]);
  });
});

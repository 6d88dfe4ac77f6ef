import { describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { limitationsOf } from '../../../src/tenantry/version-limitations.js';

/** As in TypeORM 0.3, whose objects call their data source `connection`. */
const OLDER = { manager: { connection: {} } } as unknown as DataSource;
const NEWER = new DataSource({ type: 'postgres' });

describe('what cannot be had with the installed versions', () => {
  it('is nothing with TypeORM 1', () => {
    expect(limitationsOf(NEWER, {})).toEqual([]);
  });

  it('is, with TypeORM 0.3, that it ignores undefined in conditions, until the application says what it means', () => {
    expect(limitationsOf(OLDER, {})).toEqual([expect.stringContaining('TypeORM 0.3 ignores null and undefined')]);
    const typeorm = { invalidWhereValuesBehavior: { undefined: 'throw' } } as const;
    expect(limitationsOf(OLDER, { typeorm })).toEqual([]);
  });

  it('is, with TypeORM 0.3, a way of loading relations where that is chosen', () => {
    const typeorm = { invalidWhereValuesBehavior: {}, relationLoadStrategy: 'query' } as const;
    expect(limitationsOf(OLDER, { typeorm })).toEqual([expect.stringContaining("relationLoadStrategy: 'query'")]);
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AdoptionProof } from '../../support/adoption/adoption-proof.js';

describe('an application of 44 tables that gives each of its tenants a database', () => {
  const prefixes = ['soak_store_a', 'soak_store_b', 'soak_store_c'];
  const proof = new AdoptionProof({
    layout: 'database',
    places: prefixes.map((prefix) => ({ prefix, schema: 'public', rows: 2_000 })),
  });
  beforeAll(() => proof.prepare(), 300_000);
  afterAll(() => proof.drop());

  it('is adopted under load and kills, taken back, adopted again, and finished', () => proof.run(), 1_200_000);

  it('has tenants that only reach their own rows', async () => {
    expect(await proof.isolationFindings()).toEqual([]);
  }, 300_000);
});

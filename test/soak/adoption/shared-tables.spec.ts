import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AdoptionProof } from '../../support/adoption/adoption-proof.js';

const COMPANIES = 20;

describe('an application of 45 tables that its tenants share', () => {
  const proof = new AdoptionProof({
    layout: 'row',
    places: [{ prefix: 'soak_shop', schema: 'public', companies: COMPANIES, rows: 5_500 }],
  });
  beforeAll(() => proof.prepare(), 300_000);
  afterAll(() => proof.drop());

  it('is adopted under load and kills, taken back, adopted again, and finished', () => proof.run(), 1_200_000);

  it('has tenants that only reach their own rows', async () => {
    expect(await proof.isolationFindings()).toEqual([]);
  }, 300_000);
});

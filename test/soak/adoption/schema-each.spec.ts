import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AdoptionProof } from '../../support/adoption/adoption-proof.js';

describe('an application of 44 tables that gives each of its tenants a schema', () => {
  const schemas = ['customer_acme', 'customer_globex', 'customer_initech'];
  const proof = new AdoptionProof({
    layout: 'schema',
    places: schemas.map((schema) => ({ prefix: 'soak_crm', schema, rows: 2_000 })),
  });
  beforeAll(() => proof.prepare(), 300_000);
  afterAll(() => proof.drop());

  it('is adopted under load and kills, taken back, adopted again, and finished', () => proof.run(), 1_200_000);

  it('has tenants that only reach their own rows', async () => {
    expect(await proof.isolationFindings()).toEqual([]);
  }, 300_000);
});

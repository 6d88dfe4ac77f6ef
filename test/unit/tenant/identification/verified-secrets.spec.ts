import { describe, expect, it } from '@jest/globals';
import { type ApiKeyRecord, newApiKey, parseApiKey } from '../../../../src/catalog/model/api-key.js';
import { VerifiedSecrets } from '../../../../src/tenant/identification/verified-secrets.js';

/** A key, and its record, which counts how often its hash was compared with. */
function issue() {
  const { token, secretHash } = newApiKey();
  const compared = { times: 0 };
  const record: ApiKeyRecord = {
    tenantId: 'acme',
    isRevoked: false,
    isExpired: false,
    get secretHash() {
      compared.times += 1;
      return secretHash;
    },
  };
  return { secret: parseApiKey(token)!.secret, record, compared };
}

describe('the secret of an API key', () => {
  it('is hashed once, however often it is presented', () => {
    const secrets = new VerifiedSecrets();
    const { secret, record, compared } = issue();
    expect(Array.from({ length: 5 }, () => secrets.verify(secret, record))).toEqual([true, true, true, true, true]);
    expect(compared.times).toBe(1);
  });

  it('is hashed again for a reloaded record', () => {
    const secrets = new VerifiedSecrets();
    const { secret, record, compared } = issue();
    secrets.verify(secret, record);
    const again = { ...record };
    compared.times = 0;
    const counted = {
      ...again,
      get secretHash() {
        compared.times += 1;
        return again.secretHash;
      },
    };
    expect(secrets.verify(secret, counted)).toBe(true);
    expect(compared.times).toBe(1);
  });

  it('is rejected once its key has a new one', () => {
    const secrets = new VerifiedSecrets();
    const { secret, record } = issue();
    expect(secrets.verify(secret, record)).toBe(true);
    const successor = issue();
    expect(secrets.verify(secret, successor.record)).toBe(false);
    expect(secrets.verify(successor.secret, successor.record)).toBe(true);
  });

  it('is the only one accepted, before and after it was presented', () => {
    const secrets = new VerifiedSecrets();
    const { secret, record } = issue();
    const changed = (index: number): string =>
      secret.slice(0, index) + (secret[index] === 'A' ? 'B' : 'A') + secret.slice(index + 1);
    const others = [issue().secret, changed(0), changed(21), changed(41), secret.slice(0, -1), `${secret}A`, ''];
    const results = () => others.map((other) => secrets.verify(other, record));
    expect(results()).toEqual(others.map(() => false));
    expect(secrets.verify(secret, record)).toBe(true);
    expect(results()).toEqual(others.map(() => false));
    expect(secrets.verify(secret, record)).toBe(true);
  });
});

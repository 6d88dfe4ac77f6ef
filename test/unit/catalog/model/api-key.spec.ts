import { describe, expect, it } from '@jest/globals';
import { newApiKey, parseApiKey } from '../../../../src/catalog/model/api-key.js';
import { verifySecret } from '../../../../src/catalog/model/bearer-key.js';

describe('an API key', () => {
  it('carries its key id and is verified by its own secret only', () => {
    const { keyId, token, secretHash } = newApiKey();
    const parts = parseApiKey(token);
    expect(parts?.keyId).toBe(keyId);
    expect(verifySecret(parts?.secret ?? '', secretHash)).toBe(true);
    expect(verifySecret(parseApiKey(newApiKey().token)?.secret ?? '', secretHash)).toBe(false);
    expect(token).not.toContain(secretHash);
  });

  it('is parsed correctly when its secret contains the separator', () => {
    const secret = `_${'a_b-'.repeat(10)}__`;
    expect(parseApiKey(`tnt_0123456789abcdef_${secret}`)).toEqual({ keyId: '0123456789abcdef', secret });
  });

  it.each([
    '',
    'tnt_',
    'tnt_short_x',
    `tnt_0123456789abcdef_${'a'.repeat(44)}`,
    `xyz_0123456789abcdef_${'a'.repeat(43)}`,
  ])('is not parsed from %j', (text) => expect(parseApiKey(text)).toBeNull());

  it('is not verified against a damaged hash', () => {
    const { token } = newApiKey();
    expect(verifySecret(parseApiKey(token)?.secret ?? '', 'no hash')).toBe(false);
  });
});

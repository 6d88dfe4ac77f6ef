import { expect, it } from '@jest/globals';
import { loadOpenIdClient } from '../../../../../src/server/console/sign-in/open-id-client.js';

it('a missing package is named at the start', async () => {
  const missing = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
  await expect(loadOpenIdClient(() => Promise.reject(missing))).rejects.toMatchObject({
    code: 'OIDC_PACKAGE_MISSING',
    message: expect.stringContaining('openid-client'),
  });
});

it('any other failure of it stays what it is', async () => {
  const broken = new SyntaxError('broken');
  await expect(loadOpenIdClient(() => Promise.reject(broken))).rejects.toBe(broken);
});

import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { type HostUses, loadHostConfig } from '../../../../src/platform/config/host-config.js';

const PRODUCTION = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgresql://owner:secret@127.0.0.1/catalog',
  ENCRYPTION_KEYS: `test:${randomBytes(32).toString('base64')}`,
};
const EVERYTHING: HostUses = { tokens: true, adminKey: true };
const NOTHING: HostUses = { tokens: false, adminKey: false };

const load = (env: Record<string, string>, uses: HostUses) =>
  loadHostConfig({ env: { ...PRODUCTION, ...env }, cwd: undefined }, uses).config;

describe('the configuration of a host application', () => {
  it('has nothing of variables that mean something else there', () => {
    const env = {
      PORT: '80/tcp',
      HOST: '',
      LOG_LEVEL: 'verbose',
      LOG_FORMAT: 'combined',
      REQUEST_TIMEOUT: '1m',
      OIDC_ISSUER: 'x',
    };
    expect(load({ ...env, ADMIN_API_KEY: 'an-admin-key-of-the-host' }, EVERYTHING).log.level).toBe('info');
  });

  it('is that of production in an environment which only the host knows', () => {
    expect(load({ NODE_ENV: 'staging' }, NOTHING).environment).toBe('production');
    expect(load({ NODE_ENV: 'test' }, NOTHING).environment).toBe('test');
  });

  it('reads the secret of tokens only where tokens name tenants: a host may have one of that name', () => {
    const env = { JWT_SECRET: 'short', ADMIN_API_KEY: 'an-admin-key-of-the-host' };
    expect(load(env, { tokens: false, adminKey: true }).security.jwt.secret).toBeUndefined();
    expect(() => load(env, EVERYTHING)).toThrow(/JWT_SECRET/);
  });

  it('requires the admin key only where routes do, and accepts no other meanwhile', () => {
    expect(() => load({}, EVERYTHING)).toThrow(/ADMIN_API_KEY/);
    const keys = [1, 2].map(() => load({}, NOTHING).security.adminApiKey);
    expect(new Set(keys).size).toBe(2);
    const own = 'an-admin-key-of-the-host';
    expect(load({ ADMIN_API_KEY: own }, NOTHING).security.adminApiKey).toBe(own);
  });
});

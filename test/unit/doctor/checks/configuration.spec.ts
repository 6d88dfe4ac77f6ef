import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { ConfigContext } from '../../../../src/doctor/diagnosis/check.js';
import { configuration } from '../../../../src/doctor/checks/configuration.js';

function check(url: string) {
  const config = {
    ...{ environment: 'production', dataDir: join(tmpdir(), 'no-such-folder'), log: { level: 'info' } },
    ...{
      features: { demoTenants: false, metricsPublic: false, apiDocs: false, console: false },
      database: { url, embedded: false },
      cache: { redisEnabled: false },
    },
  };
  return configuration.run({ loaded: { config } } as unknown as ConfigContext);
}

describe('the configuration check of doctor', () => {
  it.each([
    ['', 'not encrypted'],
    ['?sslmode=require', 'not verified'],
    ['?sslmode=prefer', 'not verified'],
  ])('warns of DATABASE_URL with "%s"', (parameters, message) => {
    expect(check(`postgres://owner:secret@db.example/catalog${parameters}`)).toEqual([
      expect.objectContaining({
        verdict: 'warn',
        subject: 'DATABASE_URL',
        message: expect.stringContaining(message),
      }),
    ]);
  });

  it('accepts a verified one', () => {
    expect(check('postgres://owner:secret@db.example/catalog?sslmode=verify-full')).toMatchObject([{ verdict: 'ok' }]);
  });
});

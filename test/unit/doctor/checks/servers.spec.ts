import { describe, expect, it } from '@jest/globals';
import type { CatalogContext } from '../../../../src/doctor/diagnosis/check.js';
import { servers } from '../../../../src/doctor/checks/servers.js';

const FACTS = {
  ...{
    version: '18.4',
    version_num: 180_004,
    is_standby: false,
    is_read_only: false,
    may_create_databases: true,
    may_create_roles: true,
  },
  ...{ max_connections: 100, reserved: 3, used: 4, clock_ahead_ms: 0 },
};

function check(server: object, facts: object = {}) {
  const state = { server: { name: 'eu-2', host: 'db.example', ...server }, facts: { ...FACTS, ...facts } };
  const loaded = { config: { database: {}, pool: { serverMaxConnections: 90 } } };
  return servers.run({ servers: [state], loaded } as unknown as CatalogContext);
}

describe('the server check of doctor', () => {
  it('fails for a minor version with faults in row-level security, and names them', async () => {
    expect(await check({}, { version: '15.3', version_num: 150_003 })).toMatchObject([
      {
        verdict: 'fail',
        subject: 'eu-2',
        message: expect.stringContaining('CVE-2023-39418 (MERGE'),
        remedy: 'install its newest minor version',
      },
    ]);
  });

  it('fails for a primary that was made read-only', async () => {
    expect(await check({ tls: 'verify-full' }, { is_read_only: true })).toMatchObject([
      { verdict: 'fail', message: 'refuses writes', remedy: expect.stringContaining('default_transaction_read_only') },
    ]);
  });

  it.each([
    ['require', 'warn'],
    ['verify-full', 'ok'],
    ['disable', 'ok'],
  ])('rates the TLS mode %s as %s', async (tls, verdict) => {
    expect(await check({ tls })).toMatchObject([{ verdict }]);
  });
});

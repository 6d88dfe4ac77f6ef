import { expect, it } from '@jest/globals';
import { loadConfig } from '../../../src/platform/config/load-config.js';
import { nextSteps } from '../../../src/server/banner.js';
import { REQUIRED, temporaryFolders } from '../../support/config-fixture.js';

const temporaryFolder = temporaryFolders();

it('without demo tenants, the next steps name the admin key’s place and the first commands, never the key', () => {
  const cwd = temporaryFolder();
  const generated = loadConfig({ env: { DATABASE_URL: 'postgres://owner@db.test/catalog' }, cwd });
  const text = nextSteps('http://localhost:3000', generated, false);
  expect(text).toContain(`The admin key is in ${generated.config.dataDir}/secrets.json.`);
  expect(text).toContain('npm run tenantry -- tenants create acme --isolation row');
  const given = loadConfig({ env: { ...REQUIRED, ADMIN_API_KEY: 'a-key-of-the-operator' }, cwd });
  expect(nextSteps('http://localhost:3000', given, false)).toContain('The admin key is the value of ADMIN_API_KEY.');
  for (const { config } of [generated, given]) expect(text).not.toContain(config.security.adminApiKey);
});

it('where tenants exist, no first one is suggested', () => {
  const loaded = loadConfig({ env: { ...REQUIRED, ADMIN_API_KEY: 'a-key-of-the-operator' }, cwd: temporaryFolder() });
  const text = nextSteps('http://localhost:3000', loaded, true);
  expect(text).toContain('Tenantry is running at http://localhost:3000');
  expect(text).toContain('The admin key is the value of ADMIN_API_KEY.');
  expect(text).not.toMatch(/first tenant|tenants create|keys create/);
});

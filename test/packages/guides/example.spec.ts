import { afterAll, beforeAll, expect } from '@jest/globals';
import { cp, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { blocksOf } from '../../support/docs/code-blocks.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { dropEverything } from '../../support/test-app.js';
import { Application } from './application.js';
import { describeGuide } from './guide.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const GUIDE = 'docs/guides/existing-application.md';

const SECRET = 'of a test';

let application: Application;
let own: TestDatabase;
let catalog: TestDatabase;

beforeAll(async () => {
  application = await Application.of('examples/existing-app/before');
  [own, catalog] = [await createTestDatabase('guides'), await createTestDatabase('guides')];
  await application.run('npm run build && npm run seed', { DATABASE_URL: own.url, SESSION_SECRET: SECRET });
}, 300_000);

afterAll(async () => {
  await dropEverything(catalog);
  await own.drop();
  await application.remove();
});

/** The checks that the guide shows of `tenantry doctor`. */
async function shownChecks(): Promise<string[]> {
  const blocks = blocksOf(GUIDE, await readFile(`${ROOT}/${GUIDE}`, 'utf8'));
  const { text = '' } = blocks.find((block) => block.text.startsWith('ok    configuration')) ?? {};
  return text
    .trim()
    .split('\n')
    .map((line) => line.split(/ +/)[1] ?? '');
}

describeGuide(
  GUIDE,
  ({ text }) => ({
    cwd: text.includes('npm run example:diff') ? ROOT : application.folder,
    env: {
      APP_DATABASE_URL: own.url,
      DATABASE_URL: catalog.url,
      ENABLE_REDIS_CACHE: 'false',
      SESSION_SECRET: SECRET,
    },
  }),
  {
    'npx tenantry tenants create acme --isolation row         # shared tables': {
      before: async () => {
        await cp(`${ROOT}/examples/existing-app/after`, application.folder, { recursive: true });
        await application.run('npm install && npm run build');
      },
      then: () => 'npx tenantry doctor',
      after: async (output) => {
        const checks = await shownChecks();
        expect(checks).toHaveLength(7);
        for (const check of checks) expect(output).toMatch(new RegExp(`^(ok|warn) +${check} `, 'm'));
      },
    },
  },
);

import { afterAll, beforeAll, expect } from '@jest/globals';
import { cp } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { freePort } from '../../support/processes/free-port.js';
import { dropEverything } from '../../support/test-app.js';
import { Application } from './application.js';
import { describeGuide, shownIn } from './guide.js';
import { SERVED } from './served.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const GUIDE = 'docs/guides/existing-application.md';

const SECRET = 'of a test';

let application: Application;
let own: TestDatabase;
let catalog: TestDatabase;
let port: string;

beforeAll(async () => {
  application = await Application.of('examples/existing-app/before');
  [own, catalog] = [await createTestDatabase('guides'), await createTestDatabase('guides')];
  port = String(await freePort());
  await application.run('npm run build && npm run seed', {
    DATABASE_URL: own.url,
    SESSION_SECRET: SECRET,
  });
}, 300_000);

afterAll(async () => {
  await dropEverything(catalog);
  await own.drop();
  await application.remove();
});

/** The checks that the guide shows of `tenantry doctor`. */
function shownChecks(): string[] {
  const lines = shownIn(GUIDE, 'ok    configuration').trim().split('\n');
  return lines.map((line) => line.split(/ +/)[1] ?? '');
}

/** What a member of a company gets once that is suspended. */
const ANSWER_OF_SUSPENDED = `npx tenantry tenants suspend globex
${SERVED}
curl --silent --json '{"email":"bob@example.com","password":"battery staple"}' http://127.0.0.1:$PORT/auth/login >login.json
TOKEN=$(sed 's/.*"token":"\\([^"]*\\)".*/\\1/' login.json)
curl --silent --include -H "Authorization: Bearer $TOKEN" http://127.0.0.1:$PORT/projects`;

describeGuide(
  GUIDE,
  ({ text }) => ({
    cwd: text.includes('npm run example:diff') ? ROOT : application.folder,
    env: {
      APP_DATABASE_URL: own.url,
      DATABASE_URL: catalog.url,
      ENABLE_REDIS_CACHE: 'false',
      SESSION_SECRET: SECRET,
      PORT: port,
    },
  }),
  {
    'npx tenantry tenants create acme --isolation row         # shared tables': {
      before: async () => {
        await cp(`${ROOT}/examples/existing-app/after`, application.folder, {
          recursive: true,
        });
        await application.run('npm install && npm run build');
      },
      then: () => `npx tenantry doctor\n${ANSWER_OF_SUSPENDED}`,
      after: async (output) => {
        const checks = shownChecks();
        expect(checks).toHaveLength(7);
        for (const check of checks) expect(output).toMatch(new RegExp(`^(ok|warn) +${check} `, 'm'));
        const [status = '', body = ''] = shownIn(GUIDE, 'HTTP/1.1 403').split('\n');
        expect(output).toContain(status);
        expect(output).toContain(body);
      },
    },
  },
);

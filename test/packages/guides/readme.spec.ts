import { afterAll, beforeAll, expect } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { copyFile, cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { dropEverything } from '../../support/test-app.js';
import { Application } from './application.js';
import { describeGuide, shownIn } from './guide.js';
import { runScript } from './script.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const TARBALL = 'tenantry-0.1.0.tgz';

let checkout: string;
let application: Application;
let database: TestDatabase;
let hosts: TestDatabase;

beforeAll(async () => {
  checkout = await mkdtemp(join(tmpdir(), 'tenantry-guides-'));
  execFileSync('git', ['checkout-index', '--all', `--prefix=${checkout}/`], {
    cwd: ROOT,
  });
  for (const file of ['README.md', 'docs', 'src'])
    await cp(join(ROOT, file), join(checkout, file), { recursive: true });
  application = await Application.of('test/packages/init/commonjs');
  [database, hosts] = [await createTestDatabase('guides'), await createTestDatabase('guides')];
}, 300_000);

afterAll(async () => {
  for (const each of [database, hosts]) await dropEverything(each);
  await application.remove();
  await rm(checkout, { recursive: true, force: true });
});

/** The commands that `npm start` prints work when they are pasted, and README shows them as they are. */
async function pasteCommands(output: string): Promise<void> {
  const masked = (text: string): string[] =>
    text
      .replaceAll(/tnt_[^']+/g, 'tnt_')
      .replaceAll(/localhost:\d+/g, 'localhost')
      .split('\n')
      .map((line) => line.trim());
  const lines = masked(shownIn('README.md', 'Tenantry is running at')).filter((line) => line !== '');
  expect(lines).toHaveLength(9);
  expect(masked(output)).toEqual(expect.arrayContaining(lines));
  const commands = output.split('\n').filter((line) => line.trim().startsWith('curl '));
  const answers = await runScript(commands.join('\necho\n'), {
    cwd: checkout,
    env: {},
  });
  expect(answers.match(/"items":\[\{/g)).toHaveLength(4);
}

/** A number that is taken gets the answer that README shows. */
async function repeatNumber(output: string): Promise<void> {
  const [, key = '', url = ''] = /Bearer (tnt_[^']+)' '([^?']+)/.exec(output) ?? [];
  const headers = {
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
  };
  const page = (await (await fetch(`${url}?limit=1`, { headers })).json()) as {
    items: Record<string, unknown>[];
  };
  const { number, customerId, currency } = page.items[0] ?? {};
  const lines = [{ description: 'again', quantity: 1, unitPrice: 1 }];
  const body = JSON.stringify({ number, customerId, currency, lines });
  const answer = await fetch(url, { method: 'POST', headers, body });
  expect(await answer.json()).toMatchObject(JSON.parse(shownIn('README.md', '{')) as object);
}

const isHosts = (text: string): boolean => /^npm install \.|^npx tenantry/m.test(text);

describeGuide(
  'README.md',
  ({ text }) => ({
    cwd: isHosts(text) ? application.folder : checkout,
    env: {
      ...{
        ENABLE_REDIS_CACHE: 'false',
        PORT: '0',
        DATA_DIR: join(checkout, '.data'),
      },
      ...(isHosts(text) && { DATABASE_URL: hosts.url }),
      ...(!isHosts(text) && { npm_config_ignore_scripts: 'false' }), // `npm pack` and `npm start` build first
      ...(text.startsWith('$ ') && { DATABASE_URL: database.url }),
    },
    replaced: [['postgres://owner:secret@db.example.com/tenantry', database.url]],
  }),
  {
    'npm ci && npm start    # the application, on a PostgreSQL of its own, with four demo tenants': {
      until: /initech[^]*curl.*\n/,
      meanwhile: async (output) => {
        await pasteCommands(output);
        await repeatNumber(output);
      },
    },
    [`npm install ./${TARBALL}`]: {
      before: () => copyFile(join(checkout, TARBALL), join(application.folder, TARBALL)),
    },
    'npx tenantry tenants create acme --isolation row': {
      before: async () => void (await application.run('npx tenantry init --yes && npm install && npm run build')),
      after: (output) => expect(output).toMatch(/^tnt_/m),
    },
    'DATABASE_URL=postgres://owner:secret@db.example.com/tenantry npm start': {
      until: /listening on/i,
    },
    '$ npm run tenantry -- tenants create hooli --isolation schema --domain shop.hooli.com': {
      answers: 'hooli\n', // `delete` asks for the name
      after: (output) => expect(output).toMatch(/tnt_[^]*hooli is suspended[^]*hooli is no longer served/),
    },
  },
);

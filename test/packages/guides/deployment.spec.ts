import { afterAll, beforeAll, expect } from '@jest/globals';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PgBouncer } from '../../support/postgres/pgbouncer.js';
import { Operator } from '../../support/postgres/operator.js';
import { createTestDatabase, type TestDatabase, testServer } from '../../support/postgres/postgres.js';
import { dropEverything } from '../../support/test-app.js';
import { Application } from './application.js';
import { describeGuide, type Place } from './guide.js';
import { ManagedServer } from './managed-server.js';

const COMPOSE = new URL('../../../compose.yaml', import.meta.url);

let application: Application;
let server: ManagedServer;
let pooler: PgBouncer;
let behindPooler: TestDatabase;
/** What the application had before. */
let own: TestDatabase;
let folder: string;

beforeAll(async () => {
  application = await Application.of('test/packages/init/commonjs');
  await application.run('npm install ./tenantry-0.1.0.tgz && npx tenantry init --yes && npm install && npm run build');
  folder = await mkdtemp(join(tmpdir(), 'tenantry-guides-'));
  server = await ManagedServer.prepare(folder);
  pooler = await PgBouncer.start();
  [behindPooler, own] = [await createTestDatabase('guides'), await createTestDatabase('guides')];
}, 300_000);

afterAll(async () => {
  await pooler.stop();
  await dropEverything(behindPooler);
  await own.drop();
  await server.clear();
  await new Operator(testServer()).clear();
  await application.remove();
  await rm(folder, { recursive: true, force: true });
});

const inTheApplication = (env: Readonly<Record<string, string>>): Place => {
  const through = pooler.environment(behindPooler);
  return {
    cwd: application.folder,
    env: { ...env, APP_DATABASE_URL: own.url, PORT: '0' },
    replaced: [
      ['db.example.com', server.address],
      ['postgres://owner:secret@pooler:6432/catalog', through['DATABASE_URL'] ?? ''],
      ['postgres://owner:secret@db:5432/catalog', through['DATABASE_DIRECT_URL'] ?? ''],
      ['/etc/ssl/eu-central-1-bundle.pem', server.authority],
    ],
  };
};

const doctor = (tenant: string): string =>
  `npm run tenantry -- tenants create ${tenant} --isolation row\nnpm run tenantry -- doctor\n`;

const isHealthy = (output: string): void => {
  expect(output).toMatch(/ok +row-level-security/);
  expect(output).not.toContain('FAIL');
};

describeGuide(
  'docs/guides/deployment.md',
  () => inTheApplication({ ...server.asAdministrator, NODE_EXTRA_CA_CERTS: server.authority }),
  {
    'umask 077': {
      before: () => rm(join(application.folder, '.env')), // that of development
      after: async () => expect((await stat(join(application.folder, '.env'))).mode & 0o077).toBe(0),
    },
    'cat >>.env <<EOF': { after: isHealthy },
    'DB_POOLER=transaction': {
      then: () => doctor('pooled'),
      after: (output) => {
        isHealthy(output);
        expect(output).toMatch(/ok +pooler +keeps stamps apart/);
      },
    },
    'npm run build': { after: isHealthy },
  },
);

describeGuide(
  'docs/guides/tls.md',
  ({ text }) => inTheApplication(text.includes('NODE_EXTRA_CA_CERTS') ? {} : { NODE_EXTRA_CA_CERTS: server.authority }),
  {
    "DATABASE_URL='postgres://shop_owner:a-secret-of-your-own@db.example.com/shop_catalog?sslmode=verify-full'": {
      then: () => doctor('encrypted'),
      after: async (output) => {
        isHealthy(output);
        await expect(application.run('npm run tenantry -- doctor')).rejects.toThrow(/certificate/); // of nobody
      },
    },
    'NODE_EXTRA_CA_CERTS=/etc/ssl/eu-central-1-bundle.pem npm start': { until: /listening on/ },
  },
);

describeGuide('docs/guides/database-rights.md', () => inTheApplication(server.asSuperuser), {
  'DATABASE_URL=postgres://app_owner:a-secret-of-your-own@db.example.com/app_catalog      # owns all tables; never used to serve tenants':
    { then: () => doctor('provided'), after: isHealthy },
});

describeGuide('docs/guides/docker.md', () => ({ cwd: folder, env: {} }), {
  'umask 077': {
    after: async () => {
      const written = (await readFile(join(folder, '.env.compose'), 'utf8')).matchAll(/^(\w+)=\S+$/gm);
      const required = (await readFile(COMPOSE, 'utf8')).matchAll(/\$\{(\w+):\?/g);
      const names = (found: Iterable<RegExpMatchArray>): string[] => [
        ...new Set(Array.from(found, ([, name = '']) => name)),
      ];
      expect(names(written).toSorted()).toEqual(names(required).toSorted());
    },
  },
});

import { afterAll, beforeAll, expect } from '@jest/globals';
import { copyFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { dropEverything } from '../../support/test-app.js';
import { describeGuide, type Place } from './guide.js';
import { runScript } from './script.js';
import { tarball } from './tarball.js';

const EXISTING = fileURLToPath(new URL('../init/commonjs', import.meta.url));

let folder: string;
let database: TestDatabase;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenantry-guides-'));
  await cp(EXISTING, folder, { recursive: true });
  await copyFile(tarball(), join(folder, 'tenantry-0.1.0.tgz'));
  database = await createTestDatabase('guides');
  await runScript('npm install', inTheApplication());
}, 300_000);

afterAll(async () => {
  await dropEverything(database);
  await rm(folder, { recursive: true, force: true });
});

const inTheApplication = (): Place => ({
  cwd: folder,
  env: {},
  replaced: [['postgres://user:password@localhost:5432/app', database.url]],
});

async function edit(file: string, from: string, to: string): Promise<void> {
  const path = join(folder, file);
  const text = await readFile(path, 'utf8');
  expect(text).toContain(from);
  await writeFile(path, text.replace(from, to));
}

describeGuide('docs/guides/install.md', inTheApplication, {
  'npm install ./tenantry-0.1.0.tgz    # made by `npm pack` in this repository': {
    answers: 'y\n',
    after: (output) => expect(output).toContain('TenantryModule.forRoot'),
  },
  "echo 'DATABASE_URL=postgres://user:password@localhost:5432/app' >> .env": {
    after: (output) => expect(output).toMatch(/ok +row-level-security/),
  },
});

describeGuide('docs/guides/migrations.md', inTheApplication, {
  'npm run build': {
    before: () =>
      edit(
        'src/notes/note.entity.ts',
        '  @CreateDateColumn',
        '  @Column({ default: false })\n  pinned: boolean;\n\n  @CreateDateColumn',
      ),
  },
});

describeGuide('docs/guides/testing.md', inTheApplication);

describeGuide('docs/guides/data-layers.md', inTheApplication);

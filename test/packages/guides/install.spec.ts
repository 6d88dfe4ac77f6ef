import { afterAll, beforeAll, expect } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { dropEverything } from '../../support/test-app.js';
import { Application } from './application.js';
import { describeGuide, type Place } from './guide.js';

let application: Application;
let database: TestDatabase;

beforeAll(async () => {
  application = await Application.of('test/packages/init/commonjs');
  database = await createTestDatabase('guides');
}, 300_000);

afterAll(async () => {
  await dropEverything(database);
  await application.remove();
});

const inTheApplication = (): Place => ({
  cwd: application.folder,
  env: {},
  replaced: [['postgres://user:password@localhost:5432/app', database.url]],
});

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
      application.edit(
        'src/notes/note.entity.ts',
        '  @CreateDateColumn',
        '  @Column({ default: false })\n  pinned: boolean;\n\n  @CreateDateColumn',
      ),
  },
});

describeGuide('docs/guides/testing.md', inTheApplication);

describeGuide('docs/guides/data-layers.md', inTheApplication);

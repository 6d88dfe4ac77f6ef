import { afterEach, describe, expect, it } from '@jest/globals';
import { readHostProject } from '../../../../src/cli/host/host-project.js';
import { migrationChanges, newMigration } from '../../../../src/cli/migration/migration-file.js';
import { UsageError } from '../../../../src/cli/terminal/cli.errors.js';
import { HostCopy } from '../../../support/host/host-copy.js';

const STEPS = [{ up: `COMMENT ON TABLE "t" IS 'it''s'`, down: 'COMMENT ON TABLE "t" IS NULL', comment: 'why' }];
const FEATURE = `import { First1 } from './first';\nTenantryModule.forFeature({ migrations: [First1] });\n`;
const FAR = 9_000_000_000_000;

let copy: HostCopy;
afterEach(() => copy.remove());

async function host(files: Readonly<Record<string, string>> = {}) {
  copy = await HostCopy.of('commonjs');
  for (const [name, text] of Object.entries(files)) await copy.write(name, text);
  return readHostProject(copy.path, {});
}

describe('a new migration', () => {
  it.each(['add tags', 'add-tags', 'AddTags', 'add_tags'])('has one name, however it is written: %s', async (name) => {
    const { className, path } = await newMigration(await host(), { name, newest: FAR });
    expect(className).toBe(`AddTags${FAR + 1}`);
    expect(path).toMatch(/^src\/migrations\/9000000000001-add-tags\.ts$/i);
  });

  it('lies beside the newest migration of tenant tables', async () => {
    const project = await host({
      'src/central/1790000000000-users.ts': 'createTable()',
      'src/notes/db/1780000000000-notes.ts': 'createTenantTable(runner)',
    });
    expect((await newMigration(project, { name: 'x', newest: FAR })).path).toBe('src/notes/db/9000000000001-x.ts');
  });

  it('is refused without a name', async () => {
    await expect(newMigration(await host(), { name: '1st', newest: 0 })).rejects.toThrow(UsageError);
  });

  it('is registered where there is one list of migrations', async () => {
    const project = await host({ 'src/notes/a.module.ts': FEATURE });
    const migration = { className: 'Second2', path: 'src/migrations/2-second.ts' };
    const { changes, isRegistered } = await migrationChanges(project, migration, STEPS);
    expect(isRegistered).toBe(true);
    expect(changes.map(({ path }) => path)).toEqual(['src/migrations/2-second.ts', 'src/notes/a.module.ts']);
    expect(changes[0]?.after).toContain(`// why\n    await runner.query(\`COMMENT ON TABLE "t" IS 'it''s'\`);`);
    expect(changes[1]?.after).toContain(`import { Second2 } from '../migrations/2-second';`);
    expect(changes[1]?.after).toContain('migrations: [First1, Second2]');
  });

  it('is not registered where there are several', async () => {
    const project = await host({ 'src/a.module.ts': FEATURE, 'src/b.module.ts': FEATURE });
    const migration = { className: 'Second2', path: 'src/migrations/2-second.ts' };
    const { changes, isRegistered } = await migrationChanges(project, migration, STEPS);
    expect(isRegistered).toBe(false);
    expect(changes).toHaveLength(1);
  });
});

import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { HostFolder } from '../../support/package/host-folder.js';
import { asSuperuser, createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { dropEverything } from '../../support/test-app.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

const entity = (more = ''): string => `
import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

@Entity('notes')
export class Note {
  @PrimaryGeneratedColumn('uuid') id: string;
  @Column('text') text: string;
  ${more}
}
`;

const TAG = `
import { Entity, PrimaryColumn } from 'typeorm';

@Entity('tags')
export class Tag {
  @PrimaryColumn('varchar', { length: 50 }) name: string;
}
`;

const SOURCES = {
  'src/notes/note.entity.ts': entity(),
  'src/notes/migrations/1764100000000-create-notes.ts': `
import { createTenantTable, dropTenantTable } from 'tenantry';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateNotes1764100000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createTenantTable(runner, 'notes', { columns: { id: 'uuid NOT NULL DEFAULT gen_random_uuid()', text: 'text NOT NULL' } });
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropTenantTable(runner, 'notes');
  }
}
`,
  'src/app.module.ts': `
import { Module } from '@nestjs/common';
import { TenantryModule } from 'tenantry';
import { Note } from './notes/note.entity.js';
import { CreateNotes1764100000000 } from './notes/migrations/1764100000000-create-notes.js';

@Module({
  imports: [
    TenantryModule.forRoot(),
    TenantryModule.forFeature({ entities: [Note], migrations: [CreateNotes1764100000000] }),
  ],
})
export class AppModule {}
`,
};

interface Written {
  readonly migration: string | null;
  readonly path: string;
  readonly registered: boolean;
  readonly written: boolean;
  readonly source: string;
}

describe('tenantry migration <name>', () => {
  let host: HostFolder;
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase('catalog');
    await database.admin(`REVOKE CONNECT ON DATABASE ${database.name} FROM PUBLIC`);
    const keys = `ENCRYPTION_KEYS=test:${randomBytes(32).toString('base64')}`;
    host = await HostFolder.create({
      'package.json': JSON.stringify({
        type: 'module',
        dependencies: { '@nestjs/core': '*' },
        tenantry: { module: './dist/app.module.js' },
      }),
      '.env': `NODE_ENV=test\nDATABASE_URL=${database.url}\n${keys}\nENABLE_REDIS_CACHE=false\n`,
      ...SOURCES,
    });
    for (const name of ['typeorm', 'typescript'])
      await symlink(join(ROOT, 'node_modules', name), join(host.path, 'node_modules', name));
    await build();
    expect(await tenantry('tenants', 'create', 'acme', '--isolation', 'schema')).toBeDefined();
  });

  afterAll(async () => {
    await dropEverything(database);
    await host.remove();
  });

  /** As the application's own build does, which `tsc` would take seconds for. */
  async function build(): Promise<void> {
    const names = (await readdir(join(host.path, 'src'), { recursive: true })).filter((name) => name.endsWith('.ts'));
    const { ES2022 } = ts.ModuleKind;
    const compilerOptions = { module: ES2022, target: ts.ScriptTarget.ES2022, experimentalDecorators: true };
    for (const name of names) {
      const source = await readFile(join(host.path, 'src', name), 'utf8');
      const output = join(host.path, 'dist', name.replace(/\.ts$/, '.js'));
      await mkdir(dirname(output), { recursive: true });
      const { outputText } = ts.transpileModule(source, {
        compilerOptions: { ...compilerOptions, emitDecoratorMetadata: true, useDefineForClassFields: false },
      });
      await writeFile(output, outputText);
    }
  }

  async function tenantry(...args: string[]): Promise<unknown> {
    const { code, stdout, stderr } = await host.tenantry('.', [...args, '--json']);
    if (code !== 0) throw new Error(`${args.join(' ')}: ${stdout}${stderr}`);
    return JSON.parse(stdout) as unknown;
  }

  const migrationFiles = (): Promise<string[]> => readdir(join(host.path, 'src/notes/migrations'));

  it('writes a migration of what the entities have and the tables lack, which `migrate` applies', async () => {
    const appModule = SOURCES['src/app.module.ts'];
    await host.write({
      'src/notes/note.entity.ts': entity(`@Column('boolean', { default: false }) pinned: boolean;`),
      'src/notes/tag.entity.ts': TAG,
      'src/app.module.ts': appModule
        .replace('entities: [Note]', 'entities: [Note, Tag]')
        .replace('import { Note }', "import { Tag } from './notes/tag.entity.js';\nimport { Note }"),
    });
    await build();

    const preview = (await tenantry('migration', 'add-tags', '--dry-run')) as Written;
    expect(preview).toMatchObject({ registered: true, written: false });
    expect(await migrationFiles()).toEqual(['1764100000000-create-notes.ts']);

    const { migration, path, written, registered, source } = (await tenantry('migration', 'add-tags')) as Written;
    expect({ written, registered }).toEqual({ written: true, registered: true });
    expect(path).toMatch(/^src\/notes\/migrations\/\d{13}-add-tags\.ts$/);
    expect(await readFile(join(host.path, path), 'utf8')).toBe(source);
    expect(await readFile(join(host.path, 'src/app.module.ts'), 'utf8')).toContain(
      `migrations: [CreateNotes1764100000000, ${migration}]`,
    );

    await build();
    await tenantry('migrate');
    const [tenant] = await database.admin<{ schema: string; version: string; database: string }>(
      `SELECT schema_name AS schema, schema_version AS version, database
       FROM tenants t JOIN connection_targets c ON c.id = t.target_id`,
    );
    expect(tenant?.version).toBe(migration);
    const columns = await asSuperuser(
      tenant!.database,
      `SELECT table_name || '.' || column_name AS name FROM information_schema.columns
       WHERE table_schema = '${tenant!.schema}' AND table_name IN ('notes', 'tags') ORDER BY 1`,
    );
    expect((columns as { name: string }[]).map(({ name }) => name)).toEqual([
      ...['notes.id', 'notes.pinned', 'notes.tenant_id', 'notes.text', 'tags.name', 'tags.tenant_id'],
    ]);
  });

  it('writes nothing once the migrations make what the entities map', async () => {
    const before = await migrationFiles();
    await expect(tenantry('migration', 'nothing-new')).resolves.toEqual({ migration: null });
    expect(await migrationFiles()).toEqual(before);
  });
});

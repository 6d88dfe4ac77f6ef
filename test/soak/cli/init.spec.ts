import { afterEach, describe, expect, it } from '@jest/globals';
import { parseEnv } from 'node:util';
import { Cli, type CommandResult, type Around } from '../../support/cli/cli.js';
import { HostCopy } from '../../support/host/host-copy.js';

const copies: HostCopy[] = [];
afterEach(async () => {
  for (const copy of copies.splice(0)) await copy.remove();
});

async function host(shape: 'commonjs' | 'esm' | 'monorepo'): Promise<HostCopy> {
  const copy = await HostCopy.of(shape);
  copies.push(copy);
  return copy;
}

function init(copy: HostCopy, args: readonly string[] = [], around: Around = {}): Promise<CommandResult> {
  return new Cli({}).runAmid({ cwd: copy.path, ...around }, 'init', ...args);
}

describe('init', () => {
  it.each(['commonjs', 'esm', 'monorepo'] as const)(
    'applied twice, it changes a %s application once',
    async (shape) => {
      const copy = await host(shape);
      expect(await init(copy, ['--yes'])).toMatchObject({ code: 0 });
      const files = await copy.files();
      expect(await init(copy, ['--yes'])).toMatchObject({ code: 0, stdout: 'Nothing to add.\n' });
      expect(await copy.files()).toEqual(files);
    },
  );

  it('shows a diff and changes nothing: in a dry run, without a terminal, and without a yes', async () => {
    const copy = await host('esm');
    const before = await copy.files();
    const results = [
      await init(copy, ['--dry-run']),
      await init(copy, ['--dry-run', '--yes']),
      await init(copy),
      await init(copy, [], { terminal: true, input: 'no\n' }),
    ];
    expect(results.map(({ code }) => code)).toEqual([0, 0, 2, 1]);
    for (const { stdout } of results)
      expect(stdout).toContain("+  imports: [TenantryModule.forRoot({ guard: 'explicit' })],");
    expect(await copy.files()).toEqual(before);
  });

  it('applies after a yes on a terminal', async () => {
    const copy = await host('esm');
    const { code, stderr } = await init(copy, [], { terminal: true, input: 'y\n' });
    expect(code).toBe(0);
    expect(stderr).toContain('Apply? [y/N]');
    expect(await copy.read('src/app.module.ts')).toContain('TenantryModule.forRoot');
  });

  it('writes generated keys to .env only, shows no secret, and overwrites no value', async () => {
    const copy = await host('commonjs');
    await copy.write('.env', 'DATABASE_URL=postgres://u:s3cret@h/d\nENABLE_REDIS_CACHE=true');
    const { stdout } = await init(copy, ['--yes']);
    const dotenv = parseEnv(await copy.read('.env'));
    expect(dotenv).toMatchObject({ DATABASE_URL: 'postgres://u:s3cret@h/d', ENABLE_REDIS_CACHE: 'true' });
    const key = /^first:(.+)$/.exec(dotenv['ENCRYPTION_KEYS'] ?? '')?.[1] ?? '';
    expect(Buffer.from(key, 'base64')).toHaveLength(32);
    expect(stdout).not.toMatch(/s3cret/);
    for (const [name, text] of [...Object.entries(await copy.files()), ['stdout', stdout]] as const)
      if (name !== '.env') expect(text).not.toContain(key);
    expect((await copy.read('.gitignore')).split('\n')).toEqual(expect.arrayContaining(['.env', '.data/']));
    expect(await copy.read('.env.example')).toContain('ENCRYPTION_KEYS=first:');
  });

  it('generates no key where there are keys already, which other keys would make unreadable', async () => {
    const copy = await host('esm');
    await copy.write('.data/secrets.json', '{}');
    await init(copy, ['--yes']);
    expect(await copy.read('.env')).not.toContain('ENCRYPTION_KEYS');
  });

  it('edits the project of a monorepo that is asked for', async () => {
    const copy = await host('monorepo');
    await init(copy, ['--yes', '--project', 'admin']);
    expect(await copy.read('apps/admin/src/admin.module.ts')).toContain(
      "imports: [PricesModule, TenantryModule.forRoot({ guard: 'explicit' })],",
    );
    expect(await copy.read('apps/shop/src/shop.module.ts')).not.toContain('Tenantry');
    expect(await init(copy, ['--project', 'prices'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there are: shop, admin'),
    });
  });

  it('keeps scripts of the application', async () => {
    const copy = await host('monorepo');
    await init(copy, ['--yes']);
    const { scripts } = JSON.parse(await copy.read('package.json')) as { scripts: Record<string, string> };
    expect(scripts['migrate']).toBe("echo 'no migrations yet'");
    expect(scripts['tenantry:migrate']).toMatch(/^nest build shop --tsc .* && tenantry migrate$/);
  });

  it('writes the first migration of the entities, and registers both', async () => {
    const copy = await host('commonjs');
    await init(copy, ['--yes']);
    const files = await copy.files();
    const [path = '', migration] = Object.entries(files).find(([name]) => name.startsWith('src/migrations/')) ?? [];
    const className = `CreateTenantTables${/\d{13}/.exec(path)?.[0]}`;
    expect(migration).toContain(`export class ${className} implements MigrationInterface {`);
    expect(migration).toContain(`unique: [['notebookId', 'title']],`);
    expect(migration).toContain(`columns: ['notebookId'], references: { table: 'notebook' }, onDelete: 'CASCADE'`);
    const module = files['src/app.module.ts'];
    expect(module).toContain(`import { ${className} } from './${path.slice(4, -3)}';`);
    expect(module).toContain(`entities: [Note, Notebook, Tag],\n      migrations: [${className}],`);
    expect(Object.keys(files).filter((name) => name.includes('.tenantry-'))).toEqual([]);
  });

  it('names the reason when the entities cannot be loaded, and does the rest', async () => {
    const copy = await host('commonjs');
    await copy.write('src/notes/tag.entity.ts', `import './absent';\n${await copy.read('src/notes/tag.entity.ts')}`);
    const { code, stdout } = await init(copy, ['--yes']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/src: no migration was written: .*absent/);
    expect(await copy.read('src/app.module.ts')).toContain('TenantryModule.forRoot');
  });

  it('names a root module that it cannot edit, with the lines to paste, and does the rest', async () => {
    const copy = await host('esm');
    const text = 'const metadata = {};\n@Module(metadata)\nexport class AppModule {}\n';
    await copy.write('src/app.module.ts', text);
    const { code, stdout } = await init(copy, ['--yes']);
    expect(code).toBe(0);
    expect(stdout).toContain('src/app.module.ts: the argument of @Module is not an object literal');
    expect(stdout).toContain("  import { TenantryModule } from 'tenantry';");
    expect(await copy.read('src/app.module.ts')).toBe(text);
    expect(await copy.read('.env')).toContain('ENABLE_REDIS_CACHE');
  });

  it('refuses a folder without a NestJS application', async () => {
    const copy = await host('esm');
    await copy.write('package.json', '{ "name": "other" }');
    expect(await init(copy, ['--yes'])).toMatchObject({ code: 1, stderr: expect.stringContaining('@nestjs/core') });
  });
});

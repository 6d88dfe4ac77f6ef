import assert from 'node:assert/strict';
import { copyFileSync, cpSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, Service } from '../commands.mjs';
import { createDatabase } from '../databases.mjs';
import { environmentOf } from '../node-versions.mjs';

const SHAPES = {
  commonjs: { start: 'dist/main', addWith: 'init', tables: ['note', 'notebook', 'note_tags_tag', 'tag'] },
  esm: { start: 'dist/main.js', addWith: 'nest add' },
  monorepo: { start: 'dist/apps/shop/main', addWith: 'init' },
};
const NPM_INSTALL = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
const TENANTS = { acme: 'row', globex: 'schema', initech: 'database' };
const READY = /listening on (\S+)/;

/** Applications as `nest new` makes them build, start and pass their tests before `init` and after it. */
export async function checkInit({ folder, tarball }) {
  for (const [shape, expected] of Object.entries(SHAPES)) {
    const startedAt = performance.now();
    await checkShape(shape, expected, { host: join(folder, shape), tarball });
    console.log(`passed  init ${shape}  ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  }
}

async function checkShape(shape, { start, addWith, tables = [] }, { host, tarball }) {
  cpSync(fileURLToPath(new URL(shape, import.meta.url)), host, { recursive: true });
  const databases = {
    APP_DATABASE_URL: await createDatabase(`${shape}_own`),
    DATABASE_URL: await createDatabase(shape),
  };
  const env = { ...(await environmentOf(process.versions.node.split('.')[0])), ...databases, PORT: '0' };
  const application = new Application(host, env, start);
  await application.npm(...NPM_INSTALL);
  await application.works();

  copyFileSync(tarball, join(host, 'tenantry.tgz'));
  await application.npm(...NPM_INSTALL, './tenantry.tgz');
  const before = contentOf(host);
  const preview = await application.tenantry('init', '--dry-run');
  assert.match(preview.stdout, /TenantryModule\.forRoot/);
  assert.deepEqual(contentOf(host), before, 'a dry run changes nothing');
  if (addWith === 'init') await application.tenantry('init', '--yes');
  else await run('npx', ['--no-install', 'nest', 'add', 'tenantry', '--skip-install'], { cwd: host, env });
  const after = contentOf(host);
  assert.notDeepEqual(after, before);
  assert.equal((await application.tenantry('init', '--yes')).stdout, 'Nothing to add.\n');
  assert.deepEqual(contentOf(host), after, 'a second run changes nothing');

  await application.npm(...NPM_INSTALL);
  await application.works();
  for (const [tenant, isolation] of Object.entries(TENANTS))
    await application.script('tenants', 'create', tenant, '--isolation', isolation);
  await application.script('doctor');
  const { stdout } = await application.script('migration', 'nothing-new');
  assert.match(stdout, /nothing to write/, 'the first migration makes what the entities map');
  await application.keepsTenantsApart();
  for (const table of tables)
    assert.ok(
      Object.values(after).some((text) => text.includes(`(runner, '${table}'`)),
      table,
    );
}

class Application {
  constructor(host, env, start) {
    Object.assign(this, { host, env, start });
  }

  npm(...args) {
    return run('npm', args, { cwd: this.host, env: this.env });
  }

  tenantry(...args) {
    return run('npx', ['--no-install', 'tenantry', ...args], { cwd: this.host, env: this.env });
  }

  /** The script that `init` has added: a monorepo's compiles the root module first. */
  script(...args) {
    return this.npm('run', 'tenantry', '--', ...args);
  }

  /** It builds, starts, answers, and passes its own tests. */
  async works() {
    await this.npm('run', 'build');
    const service = await Service.start('node', [this.start], { cwd: this.host, env: this.env, ready: READY });
    try {
      const answer = await fetch(service.match[1]);
      assert.equal(answer.status, 200);
    } finally {
      await service.stop();
    }
    await this.withoutIsolationTest(() => this.npm('test'));
    await this.npm('run', 'test:e2e');
  }

  /** The test that `init` has added names what is not classified, and passes once all is. */
  async keepsTenantsApart() {
    await assert.rejects(this.isolationTest(), /ROUTE_NOT_CLASSIFIED/);
    for (const path of this.files(/\.controller\.ts$/)) {
      const text = readFileSync(path, 'utf8').replaceAll('@Controller(', '@Public()\n@Controller(');
      writeFileSync(path, `import { Public } from 'tenantry';\n${text}`);
    }
    await this.isolationTest();
  }

  isolationTest() {
    const { scripts } = JSON.parse(readFileSync(join(this.host, 'package.json'), 'utf8'));
    return 'test:isolation' in scripts ? this.npm('run', 'test:isolation') : this.npm('test');
  }

  async withoutIsolationTest(work) {
    const [path] = this.files(/tenant-isolation\.spec\.ts$/);
    if (path === undefined) return work();
    renameSync(path, `${path}.kept`);
    try {
      await work();
    } finally {
      renameSync(`${path}.kept`, path);
    }
  }

  files(pattern) {
    return readdirSync(this.host, { recursive: true })
      .filter((name) => pattern.test(name) && !name.startsWith('node_modules'))
      .map((name) => join(this.host, name));
  }
}

/** The text of each file that is not installed or built. */
function contentOf(host) {
  const names = readdirSync(host, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(host.length + 1))
    .filter((name) => !/^(node_modules|dist|\.data)\//.test(name) && !/\.(tgz|tsbuildinfo)$/.test(name));
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(host, name), 'utf8')]));
}

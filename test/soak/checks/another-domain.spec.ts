import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { Service } from '../../support/processes/service.js';
import { dropEverything } from '../../support/test-app.js';

const CHECKOUT = process.cwd();
const run = promisify(execFile);

let copy: string;
let database: TestDatabase;
let service: Service | undefined;

beforeAll(async () => {
  copy = mkdtempSync(join(tmpdir(), 'tenantry-another-domain-'));
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', 'src'], {
    cwd: CHECKOUT,
    encoding: 'utf8',
  });
  for (const file of [...listed.trim().split('\n'), 'package.json', 'tsconfig.json']) put(file, read(file));
  symlinkSync(join(CHECKOUT, 'node_modules'), join(copy, 'node_modules'));
  database = await createTestDatabase('catalog');
});

afterAll(async () => {
  await service?.kill();
  await dropEverything(database);
  rmSync(copy, { recursive: true, force: true });
});

function read(file: string): string {
  return readFileSync(join(CHECKOUT, file), 'utf8');
}

function put(file: string, text: string): void {
  const path = join(copy, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** The files that README shows under "Use it": each block begins with its path. */
function filesOfReadme(): readonly { path: string; text: string }[] {
  const blocks = Array.from(read('README.md').matchAll(/```ts\n\/\/ (src\/\S+)\n([\s\S]*?)```/g));
  return blocks.map(([, path = '', text = '']) => ({ path, text }));
}

/** Deletes the sample's domain and puts README's in its place: nothing outside src/app is touched. */
function replaceDomain(): void {
  for (const gone of ['orders', 'customers', 'migrations']) {
    rmSync(join(copy, 'src/app', gone), { recursive: true });
  }
  for (const { path, text } of filesOfReadme()) put(path, text);
  const module = read('src/app/app.module.ts')
    .replaceAll(/import \{ CustomersModule \}.*\n/g, '')
    .replaceAll(/import \{ OrdersModule \}.*/g, `import { NotesModule } from './notes/notes.module.js';`)
    .replace('CustomersModule,', '')
    .replace('OrdersModule,', 'NotesModule,');
  put('src/app/app.module.ts', module);
}

describe('the sample in src/app', () => {
  it("can be replaced by README's domain with changes in that folder only: it compiles, starts, and keeps tenants apart", async () => {
    replaceDomain();
    expect(filesOfReadme().map(({ path }) => path)).toHaveLength(4);
    const tsc = join(CHECKOUT, 'node_modules/typescript/bin/tsc');
    await run(process.execPath, [tsc, '-p', 'tsconfig.json'], { cwd: copy });

    const main = join(copy, 'dist/main.js');
    service = await Service.start({ DATABASE_URL: database.url, ENABLE_DEMO_TENANTS: 'true' }, undefined, main);
    await service.said(/Listening/);
    const demo = JSON.parse(readFileSync(join(service.dataDir, 'demo.json'), 'utf8')) as {
      tenants: { slug: string; apiKey: string }[];
    };
    for (const { slug, apiKey } of demo.tenants) {
      const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
      const notes = `${service.url}/api/v1/notes`;
      const body = JSON.stringify({ text: `of ${slug}` });
      expect((await fetch(notes, { method: 'POST', headers, body })).status).toBe(201);
      expect(await (await fetch(notes, { headers })).json()).toMatchObject([{ text: `of ${slug}` }]);
    }
    expect(demo.tenants).toHaveLength(4);
    expect((await fetch(`${service.url}/api/v1/orders`)).status).toBe(404);
  });
});

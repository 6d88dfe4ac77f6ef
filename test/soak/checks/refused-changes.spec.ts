import { execFile, execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

const CHECKOUT = process.cwd();
const run = promisify(execFile);

let copy: string;

/** The tracked files of this checkout, as they are now, with its dependencies. */
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'tenantry-checks-'));
  symlinkSync(join(CHECKOUT, 'node_modules'), join(copy, 'node_modules'));
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

beforeEach(() => {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: CHECKOUT, encoding: 'utf8' });
  for (const file of listed.split('\n').filter((name) => /^(?:src|test|bin|package)\/|^[^/]+$/.test(name))) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(CHECKOUT, file), join(copy, file));
  }
});

/** Runs one of the checks of `npm run check` in the copy. */
async function check(script: string): Promise<{ failed: boolean; output: string }> {
  try {
    const { stdout } = await run('npm', ['run', '--silent', script], { cwd: copy });
    return { failed: false, output: stdout };
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return { failed: true, output: stdout + stderr };
  }
}

describe('npm run check', () => {
  it.each([
    [
      'layers',
      'an import of a higher layer',
      'src/catalog/model/slug.ts',
      `import '../../tenant/tenant.module.js';`,
      'layer: src/catalog',
    ],
    [
      'layers',
      'folders that need each other',
      'src/admin/provisioning/names.ts',
      `import '../tenants/tenants.js';`,
      'folder-cycle',
    ],
    [
      'layers',
      'a static import of what production must not load',
      'src/server/banner.ts',
      `import '../dev/embedded-postgres/staging.js';`,
      'dev-is-loaded-on-demand',
    ],
    ['lint', 'a floating promise', 'src/catalog/model/slug.ts', 'Promise.reject(new Error());', 'no-floating-promises'],
    ['unused', 'an unused export', 'src/catalog/model/slug.ts', 'export const nothing = 1;', 'nothing'],
  ])('fails in %s on %s', async (script, _what, file, line, reported) => {
    expect(await check(script)).toMatchObject({ failed: false });
    appendFileSync(join(copy, file), `${line}\n`);
    const { failed, output } = await check(script);
    expect(failed).toBe(true);
    expect(output).toContain(reported);
  });
});

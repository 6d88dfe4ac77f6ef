// `npm run build:package`: compiles what the package's entry points reach into lib/, as ES modules and as CommonJS. Schematics are
// copied.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeUnreachable } from './declarations.mjs';
import { FURTHER_ENTRIES } from './manifest.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LIB = join(ROOT, 'lib');
const TSC = join(createRequire(import.meta.url).resolve('typescript/package.json'), '..', 'bin', 'tsc');

/** A folder's package.json says how Node reads its .js files. */
const FORMATS = { esm: 'module', cjs: 'commonjs' };

export async function buildPackage() {
  rmSync(LIB, { recursive: true, force: true });
  await Promise.all(Object.keys(FORMATS).map(compile));
  cpSync(join(ROOT, 'package', 'schematics'), join(LIB, 'schematics'), { recursive: true });
  for (const [format, type] of Object.entries(FORMATS)) {
    const folder = join(LIB, format);
    writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ type })}\n`);
    removeUnreachable(
      folder,
      ['index', ...FURTHER_ENTRIES].map((entry) => `${entry}.d.ts`),
    );
  }
}

/** The compiler's output goes to stderr: stdout belongs to `npm pack --json`. */
async function compile(format) {
  const project = join(ROOT, 'package', `tsconfig.${format}.json`);
  const tsc = spawn(process.execPath, [TSC, '-p', project], { stdio: ['ignore', 2, 2] });
  const [status] = await once(tsc, 'exit');
  if (status !== 0) throw new Error(`compiling the package failed: tsc -p package/tsconfig.${format}.json`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPackage();

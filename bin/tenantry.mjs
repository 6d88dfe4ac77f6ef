// `npm run tenantry -- …`: compiles src/ when it is newer than dist/, then runs the command line.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const built = join(root, 'dist', '.tsbuildinfo');

if (isOutdated()) build();
await import('../dist/cli.js');

/** An installation without src/ is always up to date. */
function isOutdated() {
  const src = join(root, 'src');
  if (!existsSync(src)) return false;
  if (!existsSync(built) || !existsSync(join(root, 'dist', 'cli.js'))) return true;
  const { mtimeMs } = statSync(built);
  const sources = readdirSync(src, { recursive: true }).filter((name) => name.endsWith('.ts'));
  return sources.some((name) => statSync(join(src, name)).mtimeMs > mtimeMs);
}

/** The compiler's output goes to stderr: stdout belongs to the command. */
function build() {
  const tsc = join(createRequire(import.meta.url).resolve('typescript/package.json'), '..', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.json')], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) {
    process.stderr.write('tenantry: compiling src/ failed\n');
    process.exit(1);
  }
  // tsc does not touch .tsbuildinfo when its content would not change, so src/ would look newer on every run.
  utimesSync(built, new Date(), new Date());
}

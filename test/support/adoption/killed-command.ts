import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import typescript from 'typescript';
import type { AdoptionRig } from './adoption-rig.js';

const BIN = join(process.cwd(), 'dist/bin.js');
const MAX_RUNS = 80;

/** Writes the existing application's next release: a root module with the migration that `tenantry adopt` wrote. */
export function writeModule(rig: AdoptionRig): string {
  const url = (path: string): string => pathToFileURL(path).href;
  const folder = join(rig.folder, 'adoption/migrations');
  const [file = ''] = readdirSync(folder);
  const { outputText } = typescript.transpileModule(readFileSync(join(folder, file), 'utf8'), {
    compilerOptions: { module: typescript.ModuleKind.ESNext, target: typescript.ScriptTarget.ES2022 },
  });
  const index = url(join(process.cwd(), 'dist/index.js'));
  writeFileSync(join(rig.folder, 'migration.mjs'), outputText.replace(`'tenantry'`, `'${index}'`));
  const nest = url(createRequire(join(process.cwd(), 'package.json')).resolve('@nestjs/common'));
  writeFileSync(
    join(rig.folder, 'app.module.mjs'),
    `import { Module } from '${nest}';
     import { TenantryModule } from '${index}';
     import * as migrations from './migration.mjs';
     export class AppModule {}
     Module({ imports: [TenantryModule.forRoot({}), TenantryModule.forFeature({ entities: [], migrations: Object.values(migrations) })] })(AppModule);`,
  );
  return join(rig.folder, 'app.module.mjs');
}

/**
 * Runs a command that says each of its steps, and kills its process with SIGKILL at the first step of each kind; then runs it again,
 * until it ends by itself.
 *
 * @returns the kinds of steps at which it was killed
 */
export async function killAtEachKind(rig: AdoptionRig, ...args: readonly string[]): Promise<readonly string[]> {
  const killed = new Set<string>();
  for (let run = 0; run < MAX_RUNS; run += 1) {
    const { PATH, HOME } = process.env;
    const child = spawn(process.execPath, [BIN, ...args, '--module', join(rig.folder, 'app.module.mjs')], {
      cwd: rig.folder,
      env: { PATH, HOME, ...rig.env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let errors = '';
    createInterface(child.stderr).on('line', (line) => {
      errors += `${line}\n`;
      const kind = /^\S+ \S+: ([a-z-]+)/.exec(line)?.[1];
      if (kind === undefined || killed.has(kind) || child.killed) return;
      killed.add(kind);
      child.kill('SIGKILL');
    });
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    if (code === 0) return [...killed];
    if (signal !== 'SIGKILL') throw new Error(`${args.join(' ')} ended with ${code}:\n${errors}`);
  }
  throw new Error(`${args.join(' ')} did not end after ${MAX_RUNS} runs`);
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { transformSync } from '@swc/core';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Compiles `src/platform` into `folder`, for processes that run without Jest. */
export function compileConfig(folder: string): void {
  const sources = join(ROOT, 'src', 'platform');
  for (const file of readdirSync(sources, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const { code } = transformSync(readFileSync(join(sources, file), 'utf8'), {
      jsc: { target: 'es2022', parser: { syntax: 'typescript', decorators: true } },
      module: { type: 'es6' },
    });
    const compiled = join(folder, 'platform', file.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(compiled), { recursive: true });
    writeFileSync(compiled, code);
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
}

export interface StartedProcess {
  readonly child: ChildProcess;
  /** The next line of its output. @throws when the process ends instead */
  line(): Promise<string>;
}

/** A Node process in `cwd` that runs `script`, an ES module. */
export function startProcess(script: string, cwd: string): StartedProcess {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    cwd,
    env: {},
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    line: async () => {
      const { value, done } = await lines.next();
      if (done) throw new Error('the process ended without output');
      return value;
    },
  };
}

/** Kills a process (SIGKILL), so that it cannot clean up. */
export async function kill({ child }: StartedProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

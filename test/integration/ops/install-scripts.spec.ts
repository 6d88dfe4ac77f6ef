import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';

const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url));
const SCRIPT = join(CHECKOUT, 'node_modules/@scarf/scarf/report.js');

it('installing sends nothing to the analytics of a dependency (@scarf/scarf, by @nestjs/swagger)', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-install-'));
  let requests = 0;
  const analytics = createServer((_request, response) => {
    requests += 1;
    response.end();
  }).listen(0, '127.0.0.1');
  await once(analytics, 'listening');
  const { port } = analytics.address() as AddressInfo;
  const npm = execFileSync('which', ['npm'], { encoding: 'utf8' }).trim();
  // The script gives npm three seconds, which it may not have on a busy machine: it gets npm's own answer, asked for before.
  const tree = execFileSync(npm, ['ls', '@scarf/scarf', '--json', '--long'], { cwd: CHECKOUT, encoding: 'utf8' });
  await writeFile(join(folder, 'tree.json'), tree);
  await writeFile(join(folder, 'npm'), `#!/bin/sh\ncat '${join(folder, 'tree.json')}'\n`, { mode: 0o755 });
  // As npm runs it after installing; what the machine itself opts out of must not decide.
  const { DO_NOT_TRACK: _0, SCARF_ANALYTICS: _1, SCARF_NO_ANALYTICS: _2, ...env } = process.env;
  const installed = spawn(process.execPath, [SCRIPT], {
    cwd: dirname(SCRIPT),
    env: {
      ...env,
      INIT_CWD: CHECKOUT,
      npm_execpath: npm,
      PATH: `${folder}:${env['PATH']}`,
      SCARF_LOCAL_PORT: String(port),
      SCARF_VERBOSE: 'true',
      TMPDIR: folder,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [installed.stdout, installed.stderr])
    stream.on('data', (chunk: Buffer) => (output += String(chunk)));
  await once(installed, 'close');
  analytics.close();
  await rm(folder, { recursive: true });
  expect(output).toContain('disabled via a package.json');
  expect(requests).toBe(0);
});

// Prepares what `npm run bench` needs besides the application's build: installs the load generator and the peers'
// packages, and compiles the peers. Silent, and quick when nothing has changed.
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const WITH_PACKAGES = ['.', 'peers/nestjs-multitenant'];
const WITH_CODE = ['peers', 'peers/nestjs-multitenant'];

for (const folder of WITH_PACKAGES) if (!isInstalled(folder)) run('npm', ['ci', '--silent', '--prefix', folder]);
for (const folder of WITH_CODE) run(process.execPath, ['../node_modules/typescript/bin/tsc', '-p', folder]);

/** npm writes `node_modules/.package-lock.json` last, once everything is installed. */
function isInstalled(folder) {
  const modifiedAt = (path) => statSync(`${HERE}${folder}/${path}`, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return modifiedAt('node_modules/.package-lock.json') > modifiedAt('package-lock.json');
}

function run(program, args) {
  execFileSync(program, args, {
    cwd: HERE,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
}

// A server program for tests: from the PATH, or installed with the system's package manager when run as root.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Debian keeps servers in sbin, which is on the PATH of root only. */
const USUAL_FOLDERS = ['/usr/local/bin', '/usr/local/sbin', '/opt/homebrew/bin', '/usr/bin', '/usr/sbin'];

/**
 * One process at a time, because tests run in several; a process that waited finds it installed. Debian starts a service
 * on installation, unless policy-rc.d forbids it
 * (https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt); an existing one is the decision of the
 * system's owner, and is kept.
 */
const INSTALL_WITH_APT = `
  command -v "$0" && exit
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\\nexit 101\\n' >"$policy"
    chmod 755 "$policy"
  fi
  apt-get -o DPkg::Lock::Timeout=120 update
  apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$1"`;

const INSTALL = {
  'apt-get': (program, name) =>
    run('flock', ['/var/lib/apt', '/bin/sh', '-c', INSTALL_WITH_APT, program, name], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    }),
  apk: (_program, name) => run('apk', ['add', '--no-cache', name]),
  dnf: (_program, name) => run('dnf', ['install', '-y', name]),
};

/**
 * @param {string} program as it is called
 * @param {Readonly<Record<'apt-get' | 'apk' | 'dnf' | 'brew', string>>} packages the package that brings it
 * @returns {Promise<string>} its path
 */
export async function findProgram(program, packages) {
  const found = onPath(program);
  if (found) return found;
  const manager = Object.keys(INSTALL).find((name) => onPath(name));
  if (manager && process.getuid?.() === 0) await INSTALL[manager](program, packages[manager]);
  const installed = onPath(program);
  if (installed) return installed;
  const ways = Object.entries(packages).map(
    ([name, pack]) => `"${name} ${name === 'apk' ? 'add' : 'install'} ${pack}"`,
  );
  throw new Error(
    `these tests need ${program} on the PATH: ${ways.join(' or ')}; as root they install it themselves, except with brew`,
  );
}

function onPath(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...USUAL_FOLDERS];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

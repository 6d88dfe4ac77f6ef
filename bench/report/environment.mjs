import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

const ROOT = new URL('../../', import.meta.url);

/**
 * Describes the machine and the versions. Call it before the bench, because it records the load of the machine.
 *
 * @param servers versions of servers: `{ postgres: '18.4' }`
 * @param packages package name -> its folder, relative to the root of the checkout
 */
export async function environment(servers, packages) {
  const versions = { tenantry: await versionOf('.'), node: process.version.slice(1), ...servers };
  for (const [name, folder] of Object.entries(packages)) versions[name] = await versionOf(folder);
  return {
    date: new Date().toISOString(),
    commit: commit(),
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: availableParallelism(),
      memoryGb: Number((totalmem() / 2 ** 30).toFixed(1)),
      /** Load average of the last minute: above 0.5, other programs were busy, too. */
      load: Number(loadavg()[0].toFixed(1)),
    },
    versions,
  };
}

/** The first lines of a page of results. */
export function heading(title, { date, commit: revision, machine, versions }, notes = []) {
  const { cpu, cores, memoryGb, load } = machine;
  return [
    `# ${title}, ${date}`,
    '',
    `${cpu}, ${cores} cores, ${memoryGb} GB, load before it ${load}. All servers on the same machine.`,
    `${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}${revision ? `; commit ${revision}` : ''}.`,
    ...notes,
    '',
  ].join('\n');
}

async function versionOf(folder) {
  return JSON.parse(await readFile(new URL(`${folder}/package.json`, ROOT), 'utf8')).version;
}

function commit() {
  const git = (...args) => execFileSync('git', args, { cwd: fileURLToPath(ROOT), encoding: 'utf8' }).trim();
  try {
    const changed = git('status', '--porcelain', '--', 'src') === '' ? '' : ' with changes in src';
    return git('rev-parse', '--short', 'HEAD') + changed;
  } catch {
    return undefined; // not a git checkout, or git is not installed
  }
}

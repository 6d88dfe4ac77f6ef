import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

const ROOT = new URL('../../', import.meta.url);

/**
 * Where and with what the figures come to be; asked before the bench.
 *
 * @param servers versions of what is no package: `{ postgres: '18.4' }`
 * @param packages name -> its folder, from the root of the checkout
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
      /** Of the last minute: more than 0.5 means that others were busy, too. */
      load: Number(loadavg()[0].toFixed(1)),
    },
    versions,
  };
}

/** The lines that a page of results begins with. */
export function heading(title, { date, commit: revision, machine, versions }, notes = []) {
  const { cpu, cores, memoryGb, load } = machine;
  return [
    `# ${title}, ${date}`,
    '',
    `${cpu}, ${cores} cores, ${memoryGb} GB, load before it ${load}. All servers on the same machine.`,
    `${Object.entries(versions)
      .map(([what, version]) => `${what} ${version}`)
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
    return undefined; // no checkout, or no git
  }
}

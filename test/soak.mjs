// `npm run test:soak [-- <shard> …]`: the longer proofs, in named shards of under 20 minutes each. Without a name: all of them.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** A shard is a folder of test/soak. */
const SHARDS = readdirSync(new URL('soak', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !SHARDS.includes(name));
if (unknown.length > 0) {
  console.error(`No such shard: ${unknown.join(', ')}. There are: ${SHARDS.join(', ')}`);
  process.exit(2);
}

const outcomes = (asked.length > 0 ? asked : SHARDS).map((shard) => {
  const startedAt = Date.now();
  const { status } = spawnSync(
    process.execPath,
    [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      'node_modules/jest/bin/jest.js',
      ...['-c', 'test/jest.config.mjs', '--selectProjects', 'soak', '--runInBand'],
      ...['--testPathPatterns', `/test/soak/${shard}/`],
    ],
    { cwd: ROOT, stdio: 'inherit' },
  );
  return { shard, passed: status === 0, minutes: (Date.now() - startedAt) / 60_000 };
});

console.log('\nShard        Minutes  Result');
for (const { shard, passed, minutes } of outcomes) {
  console.log(`${shard.padEnd(12)} ${minutes.toFixed(1).padStart(7)}  ${passed ? 'passed' : 'FAILED'}`);
}
process.exitCode = outcomes.every(({ passed }) => passed) ? 0 : 1;

// `npm run example:diff`: what makes the application in before/ tenant-scoped, and how many lines that is.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LIMIT = 60;
const ROOT = fileURLToPath(new URL('.', import.meta.url));
/** Tables in PostgreSQL's terms, the script that is run once to copy rows, and tests. */
const NOT_COUNTED = [/^src\/database\//, /^src\/copy-rows\.ts$/, /^test\//, /\.spec\.ts$/];

const changes = readdirSync(join(ROOT, 'after'), { recursive: true })
  .filter((file) => statSync(join(ROOT, 'after', file)).isFile())
  .toSorted((a, b) => a.localeCompare(b))
  .map(changeOf);
const counted = changes.filter(({ isCounted }) => isCounted);
const total = counted.reduce((sum, { added, removed }) => sum + added + removed, 0);

for (const { diff } of counted) console.log(diff);
for (const { file, added, removed } of counted) console.log(`${`+${added} -${removed}`.padEnd(9)}${file}`);
console.log(`\n${total} lines added or removed, of ${LIMIT} at most. Not counted:`);
for (const { file, added, removed, isCounted } of changes) {
  if (!isCounted) console.log(`${`+${added} -${removed}`.padEnd(9)}${file}`);
}
const unchanged = changes.filter(({ added, removed }) => added + removed === 0);
for (const { file } of unchanged) console.error(`after/${file} is the same as before/${file}: delete it`);
process.exitCode = total > LIMIT || unchanged.length > 0 ? 1 : 0;

/** Every line counts that `git diff` marks with + or -: blank lines, imports and comments, too. */
function changeOf(file) {
  const former = existsSync(join(ROOT, 'before', file)) ? join('before', file) : '/dev/null';
  const [added, removed] = gitDiff('--numstat', former, join('after', file)).split('\t').map(Number);
  const diff = gitDiff('--patch', former, join('after', file));
  return {
    file,
    diff,
    added: added || 0,
    removed: removed || 0,
    isCounted: !NOT_COUNTED.some((part) => part.test(file)),
  };
}

function gitDiff(format, former, later) {
  const { status, stdout, stderr } = spawnSync('git', ['diff', '--no-index', '--no-color', format, former, later], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (status > 1) throw new Error(stderr);
  return stdout;
}

import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { reachableDeclarations } from '../../package/declarations.mjs';
import { packageManifest } from '../../package/manifest.mjs';
import { run } from './commands.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What packing needs. */
const SOURCES = [
  'package',
  'src',
  'package.json',
  'tsconfig.json',
  '.npmrc',
  'README.md',
  'LICENSE',
  'CHANGELOG.md',
  '.env.example',
  'docs',
];
/** Declarations of entry points, and the optional peers that they may name. */
const TYPES = [
  [['index.d.ts', 'testing.d.ts'], []],
  [['bullmq.d.ts'], ['bullmq']],
  [['pg-boss.d.ts'], []],
];
/** What may be in the tarball. */
const PACKED =
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|\.env\.example|docs\/.+\.md|lib\/schematics\/[\w-]+(\.[\w]+)+|lib\/(esm|cjs)\/(?!app\/|server\/|main\.|cli\.).+)$/;

/**
 * Packs a copy of this checkout, whose own files stay as they are.
 *
 * @returns the path of the tarball
 */
export async function packTarball(folder, env) {
  const copy = join(folder, 'checkout');
  mkdirSync(copy, { recursive: true });
  for (const name of SOURCES) cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: copy, env });
  const [{ filename, files }] = JSON.parse(stdout);
  const unexpected = files.map(({ path }) => path).filter((path) => !PACKED.test(path));
  if (unexpected.length > 0) throw new Error(`the tarball contains ${unexpected.join(', ')}`);
  for (const format of ['esm', 'cjs']) assertOwnTypes(join(copy, 'lib', format));
  return join(folder, filename);
}

/** A host compiles what it imports, and everything that those declarations name: that may be its own packages only. */
function assertOwnTypes(folder) {
  const { peerDependencies, peerDependenciesMeta } = packageManifest(
    JSON.parse(readFileSync(join(ROOT, 'package.json'))),
  );
  const isHosts = (name) => name.startsWith('node:') || (name in peerDependencies && !(name in peerDependenciesMeta));
  const isTyped = (name) => isHosts(name) && name !== 'pg'; // pg has no types of its own
  for (const [entries, peers] of TYPES) {
    const { packages } = reachableDeclarations(folder, entries);
    const foreign = packages.filter((name) => !isTyped(name) && !peers.includes(name));
    if (foreign.length > 0)
      throw new Error(`the declarations of ${folder} name ${foreign.join(', ')}: ${entries.join(', ')}`);
  }
}

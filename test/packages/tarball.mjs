import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './commands.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What packing needs. */
const SOURCES = ['package', 'src', 'package.json', 'tsconfig.json', '.npmrc', 'README.md', 'LICENSE', 'CHANGELOG.md'];
/** What may be in the tarball. */
const PACKED = /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|lib\/(esm|cjs)\/(?!app\/|server\/|main\.|cli\.).+)$/;

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
  return join(folder, filename);
}

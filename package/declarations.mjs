import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/** What a declaration file names in `from '…'`, `import('…')`, `import '…'` and `declare module '…'`. */
const SPECIFIER = /(?:\bfrom|\bimport|\bmodule)\s*\(?\s*(['"])(?<name>[\w@./:-]+)\1/g;

/** An example in a comment needs nothing. */
const COMMENT = /\/\*[\s\S]*?\*\//g;

/**
 * Follows declarations from the entries of a folder.
 *
 * @returns the declaration files that are reachable, relative to the folder, and the packages that they name
 */
export function reachableDeclarations(folder, entries) {
  const files = new Set();
  const packages = new Set();
  const pending = entries.map((entry) => join(folder, entry));
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    for (const { groups } of readFileSync(file, 'utf8').replaceAll(COMMENT, '').matchAll(SPECIFIER)) {
      if (groups.name.startsWith('.')) pending.push(resolve(dirname(file), groups.name.replace(/\.js$/, '.d.ts')));
      else packages.add(packageName(groups.name));
    }
  }
  return { files: [...files].map((file) => relative(folder, file)), packages: [...packages] };
}

/** Removes the declarations of internals, which no entry's types need. */
export function removeUnreachable(folder, entries) {
  const kept = new Set(reachableDeclarations(folder, entries).files);
  const declarations = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.d.ts'));
  for (const name of declarations) if (!kept.has(name)) rmSync(join(folder, name));
}

/** `@nestjs/common/decorators` -> `@nestjs/common`; `typeorm/driver.js` -> `typeorm`; `node:fs` stays. */
export function packageName(specifier) {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

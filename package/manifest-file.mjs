import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageManifest } from './manifest.mjs';

/** Where the application's package.json is kept while the package's is in its place. */
export const KEPT = 'package.application.json';

/** Puts the package's manifest in the place of the application's, which is kept beside it until `restoreManifest`. */
export function replaceManifest(root) {
  restoreManifest(root);
  const [file, kept] = paths(root);
  const derived = derivedFrom(file);
  renameSync(file, kept); // first: an interruption from here on is noticed by the kept file
  writeFileSync(file, derived);
}

/**
 * Restores the application's manifest, also after an interrupted `npm pack`. Does nothing when it is in its place.
 *
 * @throws when the package's manifest was edited meanwhile, which restoring would lose
 */
export function restoreManifest(root) {
  const [file, kept] = paths(root);
  if (!existsSync(kept)) return;
  if (existsSync(file) && readFileSync(file, 'utf8') !== derivedFrom(kept)) {
    throw new Error(
      `package.json was changed while ${KEPT} kept the application's, after an interrupted "npm pack": ` +
        `bring the change into ${KEPT}, delete package.json, and run "node package/postpack.mjs"`,
    );
  }
  renameSync(kept, file);
}

function paths(root) {
  return [join(root, 'package.json'), join(root, KEPT)];
}

function derivedFrom(file) {
  return `${JSON.stringify(packageManifest(JSON.parse(readFileSync(file, 'utf8'))), null, 2)}\n`;
}

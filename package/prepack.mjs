// Runs before `npm pack`: builds lib/, and puts the package's manifest in the place of the application's.
import { fileURLToPath } from 'node:url';
import { buildPackage } from './build.mjs';
import { replaceManifest, restoreManifest } from './manifest-file.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

restoreManifest(ROOT);
await buildPackage();
replaceManifest(ROOT);

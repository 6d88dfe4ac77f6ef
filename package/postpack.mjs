// Runs after `npm pack`, and by hand after an interrupted one: puts the application's manifest back.
import { fileURLToPath } from 'node:url';
import { restoreManifest } from './manifest-file.mjs';

restoreManifest(fileURLToPath(new URL('..', import.meta.url)));

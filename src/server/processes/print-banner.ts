import type { LoadedConfig } from '../../platform/config/load-config.js';
import { banner, nextSteps } from '../banner.js';
import type { Listening } from './messages.js';

/** For people at a terminal; nothing where the log is read by programs. */
export function printBanner(loaded: LoadedConfig, { url, demo, hasTenants }: Listening): void {
  const { log, dataDir } = loaded.config;
  if (log.format !== 'pretty') return;
  process.stdout.write(`${demo ? banner(url, demo, dataDir) : nextSteps(url, loaded, hasTenants)}\n`);
}

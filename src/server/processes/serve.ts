import { Logger } from '@nestjs/common';
import type { LoadedConfig } from '../../platform/config/load-config.js';
import { Application } from '../application.js';
import type { RootModule } from '../server.module.js';
import { fail } from './fail.js';
import type { Listening } from './messages.js';
import { printBanner } from './print-banner.js';
import { stopInOrder } from './stop-in-order.js';

/** Serves as the only process of an instance, until a signal. */
export async function serve(loaded: LoadedConfig, root: RootModule): Promise<void> {
  const starting = Application.start(loaded, root);
  stopInOrder(starting, loaded.config.shutdownTimeoutMs);
  const application = await starting;
  new Logger('Tenantry').log(`Listening on ${application.url}`);
  printBanner(loaded, await listeningOf(application));
  void application.databaseLost().then(() => fail(new Error('embedded PostgreSQL exited unexpectedly')));
}

/** What is known about an application that listens. */
export async function listeningOf(application: Application): Promise<Listening> {
  const { url, demo } = application;
  return { url, demo, hasTenants: demo !== undefined || (await application.hasTenants()) };
}

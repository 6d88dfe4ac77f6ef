import { deepFreeze } from '../../platform/deep-freeze.js';
import { MetricsService } from '../../metrics/metrics.service.js';
import { Application } from '../application.js';
import type { RootModule } from '../server.module.js';
import { PrimaryLink } from './primary-link.js';
import { listeningOf } from './serve.js';
import { stopInOrder } from './stop-in-order.js';

/** Serves as one of an instance's workers, until the primary stops it, or a signal. */
export async function serveAsWorker(root: RootModule): Promise<void> {
  const link = new PrimaryLink();
  const loaded = deepFreeze(await link.start());
  const starting = Application.start(loaded, root, { workerReports: link });
  link.onStop = stopInOrder(starting, loaded.config.shutdownTimeoutMs);
  const application = await starting;
  link.report = () => application.nest.get(MetricsService).report();
  link.listens(await listeningOf(application));
}

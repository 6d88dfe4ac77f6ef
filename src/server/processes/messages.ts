import type { LoadedConfig } from '../../platform/config/load-config.js';
import type { MeasuredMetric, WorkerReport } from '../../metrics/workers/worker-reports.js';
import type { StartedDemo } from '../application.js';

/** What the primary prints once all workers listen. */
export interface Listening {
  readonly url: string;
  readonly demo: StartedDemo | undefined;
  readonly hasTenants: boolean;
}

/** What the primary sends to a worker. */
export type FromPrimary =
  /** The answer to `ready`. A worker reads no configuration itself, so that all have the same also after a change of `.env`. */
  | { readonly tenantry: 'start'; readonly loaded: LoadedConfig }
  /** Shut down in order. Not a signal: a terminal sends those to the workers, too, and a second one cuts a shutdown short. */
  | { readonly tenantry: 'stop' }
  /** Report the metrics of this worker. */
  | { readonly tenantry: 'report' }
  /** The answer to `collect`. */
  | { readonly tenantry: 'collected'; readonly reports: readonly WorkerReport[] };

/** What a worker sends to the primary. */
export type FromWorker =
  /** It can receive messages from now on. */
  | { readonly tenantry: 'ready' }
  | { readonly tenantry: 'listening'; readonly listening: Listening }
  /** It was asked for the metrics of the instance. */
  | { readonly tenantry: 'collect' }
  /** The answer to `report`. */
  | { readonly tenantry: 'reported'; readonly metrics: readonly MeasuredMetric[] };

/** Calls the listener with our messages; other programs may use the same channel. */
export function onMessage<Message extends FromPrimary | FromWorker>(
  from: { on(event: 'message', listener: (message: unknown) => void): unknown },
  listener: (message: Message) => void,
): void {
  from.on('message', (message) => {
    if (typeof message === 'object' && message !== null && 'tenantry' in message) listener(message as Message);
  });
}

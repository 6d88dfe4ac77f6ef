import { Logger } from '@nestjs/common';
import { currentContext } from './context.js';

let count = 0;

/** Promise rejections that no code has handled, since the process started. */
export function unhandledRejectionCount(): number {
  return count;
}

/**
 * Keeps the process alive when a promise rejects without a handler, where Node would end it: a forgotten `await` in the
 * work for one tenant must not end the work for all others. Each is logged with its tenant and counted.
 *
 * Only for our own process: an application that imports this code decides for itself.
 */
export function surviveUnhandledRejections(): void {
  const logger = new Logger('UnhandledRejection');
  process.on('unhandledRejection', (reason) => {
    count += 1;
    const tenantId = currentContext()?.tenantId; // Node calls this in the context of the promise
    const whose = tenantId === undefined ? 'outside any tenant context' : `in a call for tenant ${tenantId}`;
    const [message, stack] = reason instanceof Error ? [reason.message, reason.stack] : [String(reason), undefined];
    logger.error(`A promise rejected that is not awaited, ${whose}: ${message}`, stack);
  });
}

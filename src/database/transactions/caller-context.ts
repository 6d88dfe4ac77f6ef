import { AsyncResource } from 'node:async_hooks';
import type { EventEmitter } from 'node:events';

/**
 * Makes an emitter's listeners run in the asynchronous context of the current caller.
 *
 * Events that originate from a socket otherwise carry the context in which the connection was opened, possibly for another
 * tenant, and the listener would work for that tenant.
 */
export function bindToCaller<Emitter extends EventEmitter>(emitter: Emitter): Emitter {
  return Object.assign(emitter, { emit: AsyncResource.bind(emitter.emit, 'TenantEvents', emitter) });
}

import { AsyncResource } from 'node:async_hooks';
import type { EventEmitter } from 'node:events';

/**
 * Lets an emitter's listeners run in the asynchronous context of whoever is calling now.
 *
 * Events that come from a socket otherwise carry the context of the caller that once opened the connection, which may
 * have been another tenant: a listener would then work for that one.
 */
export function bindToCaller<Emitter extends EventEmitter>(emitter: Emitter): Emitter {
  return Object.assign(emitter, { emit: AsyncResource.bind(emitter.emit, 'TenantEvents', emitter) });
}

import { AsyncResource } from 'node:async_hooks';
import type { EventEmitter } from 'node:events';
import { PostgresQueryRunner } from 'typeorm/driver/postgres/PostgresQueryRunner.js';

/**
 * TypeORM's query runner, with streams that belong to whoever asked for them.
 *
 * A stream's events are fired by the socket it is read from, in the asynchronous context of the caller that once opened
 * that connection, which may have been another tenant: a listener would then work for that one.
 */
export class TenantQueryRunner extends PostgresQueryRunner {
  override async stream(
    ...parameters: Parameters<PostgresQueryRunner['stream']>
  ): ReturnType<PostgresQueryRunner['stream']> {
    return bindToCaller(await super.stream(...parameters));
  }
}

function bindToCaller<Emitter extends EventEmitter>(emitter: Emitter): Emitter {
  return Object.assign(emitter, { emit: AsyncResource.bind(emitter.emit, 'TenantStream', emitter) });
}

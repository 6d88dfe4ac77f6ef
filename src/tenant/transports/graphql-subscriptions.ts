import { Injectable } from '@nestjs/common';
import type { GraphqlOperation } from './graphql-operations.js';
import { finalRejectionOf } from './final-rejection.js';
import { OpenCalls } from './open-calls.js';

/** What the resolver of a subscription is called with when its caller is refused; it raises the reason. */
const LAST_EVENT = Object.freeze({});

/** Ends subscriptions whose caller is refused: with one last result, which has the reason among its errors. */
@Injectable()
export class GraphqlSubscriptions {
  constructor(private readonly openCalls: OpenCalls) {}

  /** The events, each of them only if the caller is still served when it arrives. */
  guard(operation: GraphqlOperation, events: unknown): unknown {
    const { tenantId } = operation.context;
    if (tenantId === undefined || !isAsyncIterable(events)) return events;
    const source = events[Symbol.asyncIterator]();
    const refused = withResolvers();
    const stop = this.openCalls.watch(tenantId, () => operation.recheck(), refused.resolve);
    return guardedIterator(operation, source, refused.promise, stop);
  }
}

function guardedIterator(
  operation: GraphqlOperation,
  source: AsyncIterator<unknown>,
  refused: Promise<unknown>,
  stop: () => void,
): AsyncIterableIterator<unknown> {
  const end = async (): Promise<IteratorResult<unknown>> => {
    stop();
    void source.return?.();
    return { done: true, value: undefined };
  };
  const isRefused = refused.then((rejection) => ({ rejection }));
  return {
    async next() {
      if (operation.rejection !== undefined) return end();
      const next = await Promise.race([source.next(), isRefused]);
      if (!('rejection' in next) && next.done === true) return end();
      const rejection = 'rejection' in next ? next.rejection : finalRejectionOf(await operation.recheck());
      if (rejection === undefined) return next as IteratorResult<unknown>;
      operation.rejection = rejection;
      return { done: false, value: LAST_EVENT };
    },
    return: end,
    async throw(error) {
      await end();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function withResolvers(): { readonly promise: Promise<unknown>; readonly resolve: (value: unknown) => void } {
  let resolve: (value: unknown) => void = () => undefined;
  const promise = new Promise<unknown>((settle) => (resolve = settle));
  return { promise, resolve };
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

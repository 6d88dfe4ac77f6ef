import { Injectable, Logger } from '@nestjs/common';
import { reasonOf } from '../../platform/errors/reason-of.js';
import type { GraphqlOperation } from './graphql-operations.js';
import { finalRejectionOf } from './final-rejection.js';
import { OpenCalls } from './open-calls.js';

const logger = new Logger('GraphqlSubscriptions');

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
    const refusal = new Refusal();
    const stop = this.openCalls.watch(
      tenantId,
      () => operation.recheck(),
      (rejection) => refusal.raise(rejection),
    );
    return guardedIterator(operation, source, refusal, stop);
  }
}

function guardedIterator(
  operation: GraphqlOperation,
  source: AsyncIterator<unknown>,
  refusal: Refusal,
  stop: () => void,
): AsyncIterableIterator<unknown> {
  const end = async (): Promise<IteratorResult<unknown>> => {
    stop();
    void close(source);
    return { done: true, value: undefined };
  };
  const firstOf = async (): Promise<IteratorResult<unknown> | Refused> => {
    try {
      return await refusal.orBefore(Promise.resolve(source.next()));
    } catch (error) {
      stop(); // the reader of a source that has failed does not call `return`
      throw error;
    }
  };
  return {
    async next() {
      if (operation.rejection !== undefined) return end();
      const next = await firstOf();
      if (!('rejection' in next) && next.done === true) return end();
      const rejection =
        'rejection' in next ? next.rejection : finalRejectionOf(await operation.recheck(), operation.context.tenantId);
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

interface Refused {
  readonly rejection: unknown;
}

/**
 * The refusal of a subscription's caller, if it comes. Not a promise in a `Promise.race`: each race would leave its event with
 * that promise, for as long as the subscription lasts.
 */
class Refusal {
  private refused: Refused | undefined;
  private readonly waiting = new Set<(refused: Refused) => void>();

  raise(rejection: unknown): void {
    this.refused ??= { rejection };
    for (const resolve of this.waiting) resolve(this.refused);
  }

  /** The outcome, or the refusal where that comes first. */
  async orBefore<T>(outcome: Promise<T>): Promise<T | Refused> {
    if (this.refused) {
      outcome.catch(() => undefined);
      return this.refused;
    }
    let wait: (refused: Refused) => void = () => undefined;
    try {
      return await new Promise<T | Refused>((resolve, reject) => {
        wait = resolve;
        this.waiting.add(wait);
        outcome.then(resolve, reject);
      });
    } finally {
      this.waiting.delete(wait);
    }
  }
}

/** A rejection that nothing handles would end the process. */
async function close(source: AsyncIterator<unknown>): Promise<void> {
  try {
    await source.return?.();
  } catch (error) {
    logger.warn(`The source of a subscription could not be closed: ${reasonOf(error)}`);
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

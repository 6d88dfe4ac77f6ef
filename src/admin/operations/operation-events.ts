import { createHash } from 'node:crypto';
import { Injectable, Logger, type MessageEvent } from '@nestjs/common';
import {
  catchError,
  distinctUntilChanged,
  EMPTY,
  endWith,
  exhaustMap,
  finalize,
  ignoreElements,
  interval,
  map,
  merge,
  type Observable,
  ReplaySubject,
  share,
  takeUntil,
  takeWhile,
  timer,
} from 'rxjs';
import type { Operator } from '../../catalog/model/operator.js';
import { Shutdown } from '../../platform/shutdown/shutdown.js';
import { Followers } from '../event-streams/followers.js';
import { OperationRecords } from './operation-records.js';
import { hasEnded } from './operation.schemas.js';

/** Event streams per instance. Each holds an HTTP connection. */
export const MAX_FOLLOWERS = 200;

const POLL_MS = 300;
/** Proxies close idle connections, usually after a minute. The write also detects followers that have disconnected. */
const KEEP_ALIVE_MS = 15_000;

/**
 * Streams the changes of operations, regardless of which instance runs them, by polling their rows while they have
 * followers. All followers of an operation share one poll.
 */
@Injectable()
export class OperationEvents {
  private readonly logger = new Logger('Operations');
  private readonly streams = new Map<string, Observable<MessageEvent>>();
  /** Emits at shutdown, to later subscribers too. */
  private readonly ended = new ReplaySubject<void>(1);
  private readonly followers = new Followers(MAX_FOLLOWERS, 'operation event streams');

  constructor(
    private readonly records: OperationRecords,
    shutdown: Shutdown,
  ) {
    shutdown.add('end followers of operations', () => this.ended.next());
  }

  /**
   * Emits the operation's current state and every change. Completes when the operation has ended, and when this
   * instance shuts down: clients then reconnect to another one.
   *
   * @throws TooManyFollowersError on subscription
   */
  follow(id: string, operator: Operator): Observable<MessageEvent> {
    return this.followers.admit(operator, () => {
      const changes = this.sharedStream(id);
      const end = changes.pipe(ignoreElements(), endWith(undefined));
      const keepAlive = interval(KEEP_ALIVE_MS).pipe(map(() => ({ comment: 'keep-alive' })));
      return merge(changes, keepAlive.pipe(takeUntil(end)));
    });
  }

  private sharedStream(id: string): Observable<MessageEvent> {
    const existing = this.streams.get(id);
    if (existing) return existing;
    const changes = this.poll(id).pipe(
      finalize(() => this.streams.delete(id)),
      share({ connector: () => new ReplaySubject<MessageEvent>(1) }),
    );
    this.streams.set(id, changes);
    return changes;
  }

  private poll(id: string): Observable<MessageEvent> {
    return timer(0, POLL_MS).pipe(
      takeUntil(this.ended),
      exhaustMap(() => this.records.read(id)),
      takeWhile((operation) => !hasEnded(operation), true),
      map((operation) => toEvent(JSON.stringify(operation))),
      distinctUntilChanged((before, after) => before.id === after.id),
      catchError((error: unknown) => {
        this.logger.warn(`Closing operation event streams: ${String(error)}`); // clients reconnect
        return EMPTY;
      }),
    );
  }
}

/** The event id is a hash of the state, so that it is the same on every instance. */
function toEvent(data: string): MessageEvent {
  return { type: 'operation', id: createHash('sha256').update(data).digest('hex').slice(0, 16), data };
}

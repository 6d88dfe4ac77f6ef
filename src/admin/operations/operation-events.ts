import { createHash } from 'node:crypto';
import { Injectable, Logger, type MessageEvent } from '@nestjs/common';
import {
  catchError,
  defer,
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
import { ShutdownState } from '../../platform/shutdown/shutdown-state.js';
import { OperationRecords } from './operation-records.js';
import { hasEnded } from './operation.schemas.js';
import { TooManyFollowersError } from './too-many-followers.error.js';

/** Of one instance. Each holds a connection to it. */
export const MAX_FOLLOWERS = 200;

const POLL_MS = 300;
/** Proxies close what is silent for longer, usually after a minute; and a follower that is gone is noticed by it. */
const KEEP_ALIVE_MS = 15_000;

/**
 * Follows operations, whichever instance works on them, by reading their rows while somebody listens: one row at a time,
 * however many follow it.
 */
@Injectable()
export class OperationEvents {
  private readonly logger = new Logger('Operations');
  private readonly followed = new Map<string, Observable<MessageEvent>>();
  private followers = 0;

  constructor(
    private readonly records: OperationRecords,
    private readonly shutdown: ShutdownState,
  ) {}

  /**
   * The operation as it is, and again at every change. Completes after it has ended, and when this instance takes its
   * leave: whoever comes again is served by another.
   *
   * @throws TooManyFollowersError to whoever subscribes
   */
  follow(id: string): Observable<MessageEvent> {
    return defer(() => {
      if (this.followers >= MAX_FOLLOWERS) throw new TooManyFollowersError(MAX_FOLLOWERS);
      this.followers += 1;
      const changes = this.changesOf(id);
      const end = changes.pipe(ignoreElements(), endWith(undefined));
      const keepAlive = interval(KEEP_ALIVE_MS).pipe(map(() => ({ comment: 'keep-alive' })));
      return merge(changes, keepAlive.pipe(takeUntil(end))).pipe(finalize(() => void (this.followers -= 1)));
    });
  }

  private changesOf(id: string): Observable<MessageEvent> {
    const known = this.followed.get(id);
    if (known) return known;
    const changes = this.poll(id).pipe(
      finalize(() => this.followed.delete(id)),
      share({ connector: () => new ReplaySubject<MessageEvent>(1) }),
    );
    this.followed.set(id, changes);
    return changes;
  }

  private poll(id: string): Observable<MessageEvent> {
    return timer(0, POLL_MS).pipe(
      takeWhile(() => !this.shutdown.hasBegun),
      exhaustMap(() => this.records.read(id)),
      takeWhile((operation) => !hasEnded(operation), true),
      map((operation) => toEvent(JSON.stringify(operation))),
      distinctUntilChanged((before, after) => before.id === after.id),
      catchError((error: unknown) => {
        this.logger.warn(`Followers of an operation are sent away: ${String(error)}`); // they come again
        return EMPTY;
      }),
    );
  }
}

/** The same state has the same id on every instance. */
function toEvent(data: string): MessageEvent {
  return { type: 'operation', id: createHash('sha256').update(data).digest('hex').slice(0, 16), data };
}

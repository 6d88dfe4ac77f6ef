import { Injectable, Logger, type MessageEvent } from '@nestjs/common';
import {
  catchError,
  concatMap,
  EMPTY,
  exhaustMap,
  from,
  interval,
  map,
  merge,
  type Observable,
  ReplaySubject,
  takeUntil,
  timer,
} from 'rxjs';
import type { Operator } from '../../catalog/model/operator.js';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { Shutdown } from '../../platform/shutdown/shutdown.js';
import { Followers } from '../event-streams/followers.js';
import { type FinishedPosition, UsageRecords } from './usage-records.js';
import type { UsageView } from './usage.schemas.js';

const MAX_FOLLOWERS = 20;
const POLL_MS = 1_000;
const KEEP_ALIVE_MS = 15_000;
/** Events per poll: a follower that reads slowly is disconnected with the buffer's limit, and resumes. */
const MAX_EVENTS = 300;

const FIRST_TENANT = '00000000-0000-0000-0000-000000000000';
const EVENT_ID = /^(\d{4}-\d\d-\d\dT\d\d:00:00\.000Z)\/([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/;

/** Returns undefined for anything but the id of an event. */
export function positionOf(eventId: string): FinishedPosition | undefined {
  const [, at, tenantId] = EVENT_ID.exec(eventId) ?? [];
  if (at === undefined || tenantId === undefined || Number.isNaN(Date.parse(at))) return undefined;
  return { at: new Date(at), tenantId };
}

/** Streams the hours of tenants once they are finished, each once, from any position. */
@Injectable()
export class UsageEvents {
  private readonly logger = new Logger('Usage');
  private readonly ended = new ReplaySubject<void>(1);
  private readonly followers = new Followers(MAX_FOLLOWERS, 'event streams of usage');

  constructor(
    private readonly records: UsageRecords,
    shutdown: Shutdown,
  ) {
    shutdown.add('end followers of operations', () => this.ended.next());
  }

  /**
   * @param after the last event that the follower has; undefined: from the first hour that is kept
   * @throws TooManyFollowersError on subscription
   */
  follow(after: FinishedPosition | undefined, operator: Operator): Observable<MessageEvent> {
    return this.followers.admit(operator, () => {
      let position = after ?? { at: new Date(0), tenantId: FIRST_TENANT };
      const hours = timer(0, POLL_MS).pipe(
        exhaustMap(() => this.records.finished(position, MAX_EVENTS, operator.limitedTo)),
        concatMap((found) => {
          const last = found.at(-1);
          if (last) position = { at: new Date(last.at), tenantId: last.tenantId };
          return from(found);
        }),
        map(toEvent),
      );
      const keepAlive = interval(KEEP_ALIVE_MS).pipe(map(() => ({ comment: 'keep-alive' })));
      return merge(hours, keepAlive).pipe(
        takeUntil(this.ended),
        catchError((error: unknown) => {
          this.logger.warn(`Closing an event stream of usage: ${reasonOf(error)}`); // its client resumes
          return EMPTY;
        }),
      );
    });
  }
}

function toEvent(usage: UsageView): MessageEvent {
  return { type: 'usage', id: `${usage.at}/${usage.tenantId}`, data: JSON.stringify(usage) };
}

import { defer, finalize, type Observable } from 'rxjs';
import type { Operator } from '../../catalog/model/operator.js';
import { TooManyFollowersError } from './event-streams.errors.js';

/** The part of an instance's streams that one operator may have, so that it cannot close them for all others. */
const OPERATORS_PART = 1 / 4;

/** Limits the event streams of one kind that this instance serves, and those of each operator. */
export class Followers {
  private readonly ofOperators = new Map<string, number>();
  private total = 0;
  private readonly maxPerOperator: number;

  /** @param streams what is limited, in the plural: `event streams of usage` */
  constructor(
    private readonly max: number,
    private readonly streams: string,
  ) {
    this.maxPerOperator = Math.floor(max * OPERATORS_PART);
  }

  /**
   * Callers with the admin key, which may be many programs, have no share, but the limit of the instance.
   *
   * @throws TooManyFollowersError on subscription
   */
  admit<Event>({ id }: Pick<Operator, 'id'>, stream: () => Observable<Event>): Observable<Event> {
    return defer(() => {
      this.enter(id);
      return defer(stream).pipe(finalize(() => this.leave(id)));
    });
  }

  private enter(id: string | null): void {
    if (this.total >= this.max) {
      throw new TooManyFollowersError(`this instance already serves ${this.max} ${this.streams}`);
    }
    if (id !== null) {
      const own = this.ofOperators.get(id) ?? 0;
      if (own >= this.maxPerOperator) {
        throw new TooManyFollowersError(`you already follow ${own} ${this.streams} of this instance`);
      }
      this.ofOperators.set(id, own + 1);
    }
    this.total += 1;
  }

  private leave(id: string | null): void {
    this.total -= 1;
    if (id === null) return;
    const own = (this.ofOperators.get(id) ?? 0) - 1;
    if (own > 0) this.ofOperators.set(id, own);
    else this.ofOperators.delete(id);
  }
}

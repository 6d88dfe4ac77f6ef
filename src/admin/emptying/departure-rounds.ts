import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { PublicError } from '../../platform/errors/public-error.js';
import type { OperationRun } from '../../operations/operation-kind.js';
import { type Departure, departureActor, Departures } from './departures.js';

type Run = OperationRun<{ readonly atOnce: number }>;

const underWay = z.array(
  z.object({
    ...{ tenantId: z.string(), slug: z.string(), from: z.string().optional(), to: z.string().optional() },
    ...{ operationId: z.string().optional(), isEnding: z.boolean() },
  }),
);
/** Why tenants are left, by their ids. */
const leftBehind = z.record(z.string(), z.object({ slug: z.string(), reason: z.string() }));
export type LeftBehind = z.infer<typeof leftBehind>;

/** A tenant that is to be moved. */
export interface Candidate extends Pick<Departure, 'slug' | 'from' | 'to'> {
  readonly id: string;
}

/** What a round has come to. */
export interface DepartureRound {
  /** Requests that were made in this round, and those under way. */
  readonly departing: readonly Departure[];
  /** Of the candidates. */
  readonly begun: number;
  /** Departures without their end whose turn has not come. */
  readonly unfinished: number;
  /** In all rounds. */
  readonly moved: number;
  readonly left: LeftBehind;
}

/**
 * Moves many tenants, some at a time. Moves are operations of their own, which any instance runs: in each round of an operation, those that have
 * ended are followed by the next. Its state has which are under way, so that a crash repeats none.
 */
@Injectable()
export class DepartureRounds {
  constructor(private readonly departures: Departures) {}

  /**
   * First come those that an earlier attempt of the operation has moved, and left without their end.
   *
   * @param candidates those that could be moved next, in order, without those that are given
   */
  async run(
    run: Run,
    candidates: (gone: (tenantId: string) => boolean) => Promise<readonly Candidate[]>,
  ): Promise<DepartureRound> {
    const former = underWay.parse(JSON.parse(run.state['underWay'] ?? '[]'));
    const left = leftBehind.parse(JSON.parse(run.state['left'] ?? '{}'));
    const progress = await this.goOn(run, former, left);
    const moved = Number(run.state['moved'] ?? 0) + progress.ended;
    const known = new Set([...Object.keys(left), ...progress.departing.map(({ tenantId }) => tenantId)]);
    const unfinished = (await this.departures.unfinished(departureActor(run.id))).filter(
      ({ tenantId }) => !known.has(tenantId),
    );
    for (const { tenantId } of unfinished) known.add(tenantId);
    const resumed = unfinished.slice(0, Math.max(0, run.input.atOnce - progress.departing.length));
    const departing = [...progress.departing, ...resumed];
    const begun = (await candidates((id) => known.has(id)))
      .slice(0, Math.max(0, run.input.atOnce - departing.length))
      .map(({ id, slug, from, to }): Departure => ({ tenantId: id, slug, from, to, isEnding: false }));
    const all = [...departing, ...begun];
    // Before they are requested: after a crash the requests are looked for, not repeated.
    await this.save(run, all, left, moved);
    const requested = await this.requestMissing(run, all, left);
    await this.save(run, requested, left, moved);
    await run.addResult({ moved, left: Object.values(left) });
    const waiting = unfinished.length - resumed.length;
    return { departing: requested, begun: begun.length, unfinished: waiting, moved, left };
  }

  /** What has ended since: a move is followed by its end, and that by nothing. */
  private async goOn(
    run: Run,
    departing: readonly Departure[],
    left: LeftBehind,
  ): Promise<{ readonly departing: Departure[]; readonly ended: number }> {
    const requested = await this.requestMissing(run, departing, left);
    const ended = await this.departures.ended(requested.flatMap(({ operationId }) => operationId ?? []));
    let count = 0;
    const goingOn = requested.flatMap((departure): Departure[] => {
      const operation = ended.get(departure.operationId ?? '');
      if (!operation) return [departure];
      if (operation.status !== 'succeeded') {
        const reason = operation.error ? `${operation.error.code}: ${operation.error.message}` : operation.status;
        left[departure.tenantId] = { slug: departure.slug, reason };
        return [];
      }
      if (!departure.isEnding) return [{ tenantId: departure.tenantId, slug: departure.slug, isEnding: true }];
      count += 1;
      return [];
    });
    return { departing: goingOn, ended: count };
  }

  /** Those that are refused are left. */
  private async requestMissing(run: Run, departing: readonly Departure[], left: LeftBehind): Promise<Departure[]> {
    const request = { actorName: departureActor(run.id), since: run.createdAt };
    const requested: Departure[] = [];
    for (const departure of departing) {
      run.signal.throwIfAborted();
      try {
        const operationId = departure.operationId ?? (await this.departures.request(departure, request));
        requested.push({ ...departure, operationId });
      } catch (error) {
        if (!(error instanceof PublicError)) throw error;
        left[departure.tenantId] = { slug: departure.slug, reason: `${error.code}: ${error.publicMessage}` };
      }
    }
    return requested;
  }

  private save(run: Run, departing: readonly Departure[], left: LeftBehind, moved: number): Promise<void> {
    return run.saveState({
      underWay: JSON.stringify(departing),
      left: JSON.stringify(left),
      moved: String(moved),
    });
  }
}

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { PublicError } from '../../platform/errors/public-error.js';
import type { OperationKind, OperationRun } from '../../operations/operation-kind.js';
import { StepPostponedError } from '../../operations/operation.errors.js';
import { type Departure, Departures } from './departures.js';
import { ServerNotEmptyError } from './emptying.errors.js';

const LOOK_AGAIN_SECONDS = 2;
/** Statuses in which a tenant is not moved, and that may last. One that is being created is waited for. */
const UNMOVED: ReadonlySet<string> = new Set(['suspended', 'maintenance', 'moving', 'deleting', 'failed']);

const Input = z.object({ serverId: z.guid(), to: z.string().optional(), atOnce: z.int().positive() });
type Input = z.infer<typeof Input>;
type Run = OperationRun<Input>;

const underWay = z.array(
  z.object({ tenantId: z.string(), slug: z.string(), operationId: z.string().optional(), isEnding: z.boolean() }),
);
/** Why tenants are left, by their ids. */
const leftBehind = z.record(z.string(), z.object({ slug: z.string(), reason: z.string() }));
type LeftBehind = z.infer<typeof leftBehind>;

/**
 * Moves every tenant away from a draining server, some at a time. Moves are operations of their own, which any instance runs: this
 * one requests them, and is postponed while they are under way, so that it keeps no other operation from running.
 */
@Injectable()
export class EmptyServerKind implements OperationKind<Input> {
  readonly name = 'empty-server';
  readonly input = Input;
  readonly steps = [{ name: 'move-tenants', run: (run: Run) => this.moveTenants(run) }];

  constructor(private readonly departures: Departures) {}

  /** Those that were left are tried again. */
  async onRetried(catalog: EntityManager, { id }: OperationEntity): Promise<void> {
    await catalog.query(`UPDATE operations SET state = state - 'left' WHERE id = $1`, [id]);
  }

  private async moveTenants(run: Run): Promise<void> {
    const departing = underWay.parse(JSON.parse(run.state['underWay'] ?? '[]'));
    const left = leftBehind.parse(JSON.parse(run.state['left'] ?? '{}'));
    const moved = Number(run.state['moved'] ?? 0);
    const progress = await this.goOn(run, departing, left);
    const staying = await this.departures.staying(run.input.serverId);
    const isDraining = await this.departures.isDraining(run.input.serverId);
    const waiting = staying.filter(
      ({ id, status }) =>
        !left[id] && !progress.departing.some(({ tenantId }) => tenantId === id) && !UNMOVED.has(status),
    );
    const next = isDraining ? waiting.filter(({ status }) => status === 'active') : [];
    const begun = next
      .slice(0, Math.max(0, run.input.atOnce - progress.departing.length))
      .map(({ id, slug }): Departure => ({ tenantId: id, slug, isEnding: false }));
    const all = [...progress.departing, ...begun];
    // Before they are requested: after a crash the requests are looked for, not repeated.
    await this.save(run, all, left, moved + progress.ended);
    const requested = await this.requestMissing(run, all, left);
    await this.save(run, requested, left, moved + progress.ended);
    run.reportProgress(moved + progress.ended, moved + progress.ended + staying.length);
    await run.addResult({ moved: moved + progress.ended, left: Object.values(left) });
    if (requested.length > 0 || (isDraining && waiting.length > begun.length)) {
      const message = `${requested.length} of the server's tenants are being moved`;
      throw new StepPostponedError(LOOK_AGAIN_SECONDS, { code: 'SERVER_NOT_EMPTY', message });
    }
    const reasons = new Map(Object.values(left).map(({ slug, reason }) => [slug, reason]));
    for (const { slug, id, status } of staying) {
      if (!left[id]) reasons.set(slug, isDraining ? `it is ${status}` : 'the server is no longer draining');
    }
    if (reasons.size > 0) throw new ServerNotEmptyError(reasons);
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
    const { input, id, createdAt: since } = run;
    const request = { fromServerId: input.serverId, to: input.to, actorName: `operation ${id}`, since };
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

import { Injectable, Logger } from '@nestjs/common';
import pg from 'pg';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { TENANTRY_ACTOR } from '../../catalog/audit/actor.js';
import type { OperationEntity, OperationFailure } from '../../catalog/entities/operation.entity.js';
import { TargetUnavailableError } from '../../database/connection/connection.errors.js';
import { failureOf } from '../../platform/postgres/failure-of.js';
import type { OperationKind, OperationRun } from '../../operations/operation-kind.js';
import { Operations } from '../../operations/operations.js';
import { runInLanes } from '../../operations/run-in-lanes.js';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { isLostConnection } from '../../platform/postgres/lost-connection.js';
import { type AppliedVersion, applyRows, type ReferenceVersion } from '../reference-rows/apply-rows.js';
import { ReferenceRows } from '../reference-rows/reference-rows.js';
import { ReferenceRowsRefusedError } from '../reference-rows/reference-rows.errors.js';
import { TargetDatabases } from '../targets/target-databases.js';
import { ReferenceDataBehindError, ReferenceDataRefusedError } from './reference-data.errors.js';
import { type PlaceBehind, ReferencePlaces } from './reference-places.js';

const Input = z.object({
  table: z.string(),
  version: z.int(),
  /** How many operations for this version have ended with servers that were away. */
  catchUps: z.int().default(0),
});
type Input = z.infer<typeof Input>;
type Run = OperationRun<Input>;

/** Sets of tables in work at the same time on each server: one admin connection is left for other operations. */
const PARALLELISM = 3;
/** Sets of tables between two looks into the catalog, whether a newer version was published meanwhile. */
const WAVE_SIZE = 100;
/** An operation that ends while a server is away is followed by another: after 1, 2, 4 … minutes, at most an hour. */
const MAX_CATCH_UPS = 12;
const FIRST_CATCH_UP_SECONDS = 60;
const MAX_CATCH_UP_SECONDS = 3_600;

export const PUBLISH_KIND = 'publish-reference-data';

const BEHIND: OperationFailure = { code: 'REFERENCE_DATA_BEHIND', message: 'its server was away' };

/** Each version has its own, so that a newer one does not wait for an older one whose server is away. */
export function subjectOf({ table, version, catchUps = 0 }: z.input<typeof Input>): string {
  return `${table} version ${version}${catchUps === 0 ? '' : `, catch-up ${catchUps}`}`;
}

/**
 * Gives all sets of tables a version of a reference table. Which ones lack it is read from the catalog, so that a run that is
 * resumed goes on where it was. A set of tables that refuses the version keeps its former one. Servers that are away are tried
 * again by the operation, for about a minute after its last progress, then by further operations, for some hours.
 */
@Injectable()
export class PublishReferenceDataKind implements OperationKind<Input> {
  private readonly logger = new Logger('ReferenceData');
  readonly name = PUBLISH_KIND;
  readonly input = Input;
  readonly steps = [{ name: 'publish', run: (run: Run) => this.publish(run) }];

  constructor(
    private readonly rows: ReferenceRows,
    private readonly places: ReferencePlaces,
    private readonly targets: TargetDatabases,
    private readonly operations: Operations,
  ) {}

  onRetried(catalog: EntityManager, { id }: OperationEntity): Promise<void> {
    return this.places.forgetFailures(catalog, id);
  }

  /** Another operation goes on with what is away. It may exist already: this may run twice. */
  async onFailed(catalog: EntityManager, { id, input }: OperationEntity): Promise<void> {
    const { table, version, catchUps } = Input.parse(input);
    const current = await this.currentOf(table);
    if (!current || current.version > version) return;
    const { away } = await this.places.counts({ table, version }, id);
    if (away === 0) return;
    await this.places.recordAway(catalog, { table, version }, id, BEHIND);
    const next = { table, version, catchUps: catchUps + 1 };
    const subject = subjectOf(next);
    const existing = await catalog.query<unknown[]>('SELECT FROM operations WHERE kind = $1 AND subject = $2 LIMIT 1', [
      ...[PUBLISH_KIND, subject],
    ]);
    if (catchUps >= MAX_CATCH_UPS || existing.length > 0) return;
    const delaySeconds = Math.min(MAX_CATCH_UP_SECONDS, FIRST_CATCH_UP_SECONDS * 2 ** catchUps);
    await this.operations.create(
      catalog,
      { kind: this, input: next, tenantId: null, subject, delaySeconds },
      TENANTRY_ACTOR,
    );
  }

  private async publish(run: Run): Promise<void> {
    const { table, version: wanted } = run.input;
    /** Servers that were away in this run, with the error of the first attempt. */
    const away = new Map<string, TargetUnavailableError>();
    const { applied, refused, away: left } = await this.places.counts({ table, version: wanted }, run.id);
    const progress = { done: applied + refused, total: applied + refused + left };
    for (;;) {
      const current = await this.currentOf(table);
      if (!current || current.version !== wanted) return run.addResult({ supersededBy: current?.version ?? null });
      run.signal.throwIfAborted();
      const due = await this.places.due(current, run.id, { away: [...away.keys()], limit: WAVE_SIZE });
      if (due.length === 0) break;
      await runInLanes(due, { parallelism: PARALLELISM, signal: run.signal }, (place) =>
        this.apply(run, current, place, away, progress),
      );
    }
    const counts = await this.places.counts({ table, version: wanted }, run.id);
    await run.addResult({ table, version: wanted, ...counts });
    const [cause] = away.values();
    if (counts.away > 0 && cause) throw new ReferenceDataBehindError(counts, cause.cause);
    if (counts.refused > 0) throw new ReferenceDataRefusedError(counts);
  }

  private async currentOf(table: string): Promise<ReferenceVersion | undefined> {
    return (await this.rows.current(table))[0];
  }

  /** A failure of the place itself is its outcome. @throws the signal's reason, or an error of the catalog */
  private async apply(
    run: Run,
    version: ReferenceVersion,
    place: PlaceBehind,
    away: Map<string, TargetUnavailableError>,
    progress: { done: number; readonly total: number },
  ): Promise<void> {
    if (away.has(place.serverId)) return;
    const startedAt = performance.now();
    const outcome = await this.write(version, place, run.lost);
    if (outcome instanceof TargetUnavailableError && isServerAway(outcome)) {
      away.set(place.serverId, outcome);
      return this.rows.record(place, version.table, 0, failureOf(outcome));
    }
    const failure = 'version' in outcome ? null : failureOf(outcome);
    const causedBy = outcome instanceof ReferenceRowsRefusedError ? outcome.tenantIds : [];
    if (failure) this.logger.warn(`Schema ${place.schema} keeps its rows of ${version.table}: ${reasonOf(outcome)}`);
    const { version: to, former: from } = 'version' in outcome ? outcome : { version: 0, former: 0 };
    await this.rows.record(place, version.table, to, failure);
    const durationMs = Math.round(performance.now() - startedAt);
    await this.places.finished(place, { operationId: run.id, from, to, durationMs, failure, causedBy });
    // Not before: progress lets an operation be tried again for longer.
    run.reportProgress((progress.done += 1), progress.total);
  }

  private async write(
    version: ReferenceVersion,
    { targetId, schema }: PlaceBehind,
    signal: AbortSignal,
  ): Promise<AppliedVersion | Error> {
    try {
      const target = await this.targets.find(targetId);
      return await this.targets.use(target, (client) => applyRows(client, schema, version, { signal }), { signal });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Error)) throw error;
      return isLostConnection(error) ? new TargetUnavailableError(schema, error) : error;
    }
  }
}

/** Whether the server is away, rather than refusing one database or login. */
function isServerAway({ cause }: TargetUnavailableError): boolean {
  return !(cause instanceof pg.DatabaseError) || isLostConnection(cause);
}

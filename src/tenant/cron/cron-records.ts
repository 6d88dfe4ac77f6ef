import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Inject, Injectable } from '@nestjs/common';
import { type DataSource, QueryFailedError } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { Failure } from '../../platform/postgres/failure-of.js';
import { driverError } from '../../platform/postgres/driver-error.js';
import { conditionOf, TENANTS_WITH_SERVERS } from '../fleet/tenant-filter.js';
import type { TenantIdentity } from '../fleet/tenant-results.js';
import { INTERRUPTED } from './cron.errors.js';
import type { CronDefinition } from './tenant-cron.decorator.js';

/** Runs of a job that are kept, with their failures. */
const KEPT_RUNS = 100;
/** Failures of a run that are kept by tenant; its count has all. */
const KEPT_FAILURES = 1_000;

const UNIQUE_VIOLATION = '23505';

/** What the catalog knows of a job. */
export interface CronState {
  readonly name: string;
  /** The catalog's clock. */
  readonly now: Date;
  /** Times up to this one have been decided: run, or missed. Null when the catalog does not know the job yet. */
  readonly decidedUntil: Date | null;
  /** The run in progress. */
  readonly run: { readonly id: string; readonly holder: string | null; readonly beats: number } | null;
}

/** A run that this instance holds. */
export interface HeldRun {
  readonly id: string;
  readonly scheduledAt: Date;
  /** Tenants that were in work when the instance before died. */
  readonly interrupted: readonly string[];
}

/** A tenant that was begun: it must not be begun again. `lost`: another instance holds the run. */
type Begun =
  | { readonly kind: 'tenant'; readonly tenant: TenantIdentity }
  | { readonly kind: 'none'; readonly inWork: readonly string[] }
  | { readonly kind: 'lost' };

/**
 * The rows of jobs and their runs. Only the holder of a run changes it: each statement compares, so that an instance that was
 * taken for dead begins no further tenant.
 */
@Injectable()
export class CronRecords {
  readonly holder = randomUUID();
  private readonly instance = `${hostname()}:${process.pid}`;

  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  /** The state of each job. One that the catalog does not know yet has no missed times: it begins now. */
  async states(jobs: readonly CronDefinition[]): Promise<CronState[]> {
    const parameters = [jobs.map(({ name }) => name), jobs.map(({ schedule }) => schedule.text)];
    const rows = await this.catalog.query<
      (Omit<CronState, 'run'> & { id: string | null; holder: string | null; beats: number })[]
    >(
      `SELECT j.name, clock_timestamp() AS now, k.decided_until AS "decidedUntil", r.id, r.holder, r.beats
       FROM unnest($1::text[], $2::text[]) AS j (name, schedule)
       LEFT JOIN cron_jobs k USING (name, schedule)
       LEFT JOIN cron_runs r ON r.job = j.name AND r.status = 'running'`,
      parameters,
    );
    if (rows.some(({ decidedUntil }) => decidedUntil === null)) {
      await this.catalog.query(
        'INSERT INTO cron_jobs (name, schedule) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING',
        parameters,
      );
    }
    return rows.map(({ id, holder, beats, ...row }) => ({ ...row, run: id === null ? null : { id, holder, beats } }));
  }

  /** Takes a time that is due. Undefined when another instance was faster, or a run is still in progress. */
  async claim({ name, schedule }: CronDefinition, scheduledAt: Date): Promise<HeldRun | undefined> {
    const id = await this.decide(name, schedule.text, scheduledAt, 'running');
    return id === undefined ? undefined : { id, scheduledAt, interrupted: [] };
  }

  /** Records that a time is left out. */
  async miss({ name, schedule }: CronDefinition, scheduledAt: Date): Promise<boolean> {
    return (await this.decide(name, schedule.text, scheduledAt, 'missed')) !== undefined;
  }

  /** Takes over a run whose holder is dead: `beats` is what it had at last. Undefined when it is not, or another was faster. */
  async takeOver(run: NonNullable<CronState['run']>, retryInterrupted: boolean): Promise<HeldRun | undefined> {
    const [rows] = await this.catalog.query<[{ scheduled_at: Date; interrupted: string[] }[], number]>(
      `UPDATE cron_runs r SET holder = $4, instance = $5, beats = r.beats + 1,
         in_work = CASE WHEN $6 THEN r.in_work ELSE '{}' END,
         failed = r.failed + CASE WHEN $6 THEN 0 ELSE cardinality(r.in_work) END
       FROM (SELECT id, in_work FROM cron_runs WHERE id = $1 FOR UPDATE) former
       WHERE r.id = former.id AND r.status = 'running' AND r.holder IS NOT DISTINCT FROM $2 AND r.beats = $3
       RETURNING r.scheduled_at, former.in_work AS interrupted`,
      [run.id, run.holder, run.beats, this.holder, this.instance, retryInterrupted],
    );
    const [row] = rows;
    if (!row) return undefined;
    if (!retryInterrupted) for (const id of row.interrupted) await this.recordFailure(run.id, id, INTERRUPTED);
    return { id: run.id, scheduledAt: row.scheduled_at, interrupted: retryInterrupted ? row.interrupted : [] };
  }

  /** Begins the next tenant of the run, that existed at its time: recorded before the work, so that it never begins twice. */
  async beginNext(run: HeldRun, { tenants }: CronDefinition): Promise<Begun> {
    const { sql, values } = conditionOf(tenants, 4);
    const rows = await this.catalog.query<{ id: string | null; slug: string; in_work: string[] }[]>(
      `WITH held AS (
         SELECT id, last_tenant, in_work FROM cron_runs WHERE id = $1 AND holder = $2 AND status = 'running' FOR UPDATE),
       next AS (
         SELECT t.id, t.slug FROM held, ${TENANTS_WITH_SERVERS}
         WHERE t.id > held.last_tenant AND t.created_at < $3 AND ${sql} ORDER BY t.id LIMIT 1),
       begun AS (
         UPDATE cron_runs r SET last_tenant = next.id, in_work = r.in_work || next.id FROM held, next WHERE r.id = held.id
         RETURNING next.id, next.slug)
       SELECT begun.id, begun.slug, held.in_work FROM held LEFT JOIN begun ON true`,
      [run.id, this.holder, run.scheduledAt, ...values],
    );
    const [row] = rows;
    if (!row) return { kind: 'lost' };
    return row.id === null
      ? { kind: 'none', inWork: row.in_work }
      : { kind: 'tenant', tenant: { id: row.id, slug: row.slug } };
  }

  /** Records the end of a tenant's work, also when that is tried again. Returns false when another instance holds the run. */
  async endTenant(run: HeldRun, tenantId: string, outcome: 'done' | 'gone' | Failure): Promise<boolean> {
    const { id } = run;
    const failure = typeof outcome === 'object' ? outcome : undefined;
    const [, ended] = await this.catalog.query<[unknown[], number]>(
      `UPDATE cron_runs SET in_work = array_remove(in_work, $3::uuid), done = done + $4, failed = failed + $5
       WHERE id = $1 AND holder = $2 AND $3::uuid = ANY (in_work)`,
      [id, this.holder, tenantId, outcome === 'done' ? 1 : 0, failure ? 1 : 0],
    );
    if (ended === 0) return this.beat(run);
    if (failure) await this.recordFailure(id, tenantId, failure);
    return true;
  }

  /** Shows the other instances that this one is alive. Returns false when one of them holds the run. */
  async beat({ id }: HeldRun): Promise<boolean> {
    const [, beaten] = await this.catalog.query<[unknown[], number]>(
      `UPDATE cron_runs SET beats = beats + 1 WHERE id = $1 AND holder = $2 AND status = 'running'`,
      [id, this.holder],
    );
    return beaten > 0;
  }

  /** Ends the run, and deletes the oldest ones. */
  async end({ id }: HeldRun, { name }: CronDefinition): Promise<void> {
    await this.catalog.query(
      `UPDATE cron_runs SET status = 'ended', finished_at = now() WHERE id = $1 AND holder = $2 AND in_work = '{}'`,
      [id, this.holder],
    );
    await this.catalog.query(
      `DELETE FROM cron_runs WHERE job = $1 AND status <> 'running' AND id NOT IN (
         SELECT id FROM cron_runs WHERE job = $1 ORDER BY scheduled_at DESC LIMIT ${KEPT_RUNS})`,
      [name],
    );
  }

  /** Lets another instance go on with the run at once. */
  async release({ id }: HeldRun): Promise<void> {
    await this.catalog.query('UPDATE cron_runs SET holder = NULL WHERE id = $1 AND holder = $2', [id, this.holder]);
  }

  private async decide(
    name: string,
    schedule: string,
    scheduledAt: Date,
    status: 'running' | 'missed',
  ): Promise<string | undefined> {
    try {
      const rows = await this.catalog.query<{ id: string }[]>(
        `WITH job AS (
           UPDATE cron_jobs SET decided_until = $3 WHERE name = $1 AND schedule = $2 AND decided_until < $3 RETURNING name)
         INSERT INTO cron_runs (job, scheduled_at, status, holder, instance, finished_at)
         SELECT name, $3::timestamptz, $4::text, $5::uuid, $6::text, CASE WHEN $4 = 'missed' THEN now() END FROM job
         ON CONFLICT (job, scheduled_at) DO NOTHING RETURNING id`,
        [name, schedule, scheduledAt, status, this.holder, this.instance],
      );
      return rows[0]?.id;
    } catch (error) {
      // A run of the job has begun meanwhile: nothing is decided, and the time is looked at again after that run.
      if (error instanceof QueryFailedError && (driverError(error) as { code?: unknown }).code === UNIQUE_VIOLATION) {
        return undefined;
      }
      throw error;
    }
  }

  /** Locks the tenant, which may be deleted at the same time. */
  private async recordFailure(runId: string, tenantId: string, { code, message }: Failure): Promise<void> {
    await this.catalog.query(
      `INSERT INTO cron_failures (run_id, tenant_id, code, message)
       SELECT $1, id, $3, $4 FROM tenants WHERE id = $2
         AND (SELECT count(*) FROM cron_failures WHERE run_id = $1) < ${KEPT_FAILURES} FOR KEY SHARE
       ON CONFLICT (run_id, tenant_id) DO UPDATE SET code = excluded.code, message = excluded.message, at = now()`,
      [runId, tenantId, code, message],
    );
  }
}

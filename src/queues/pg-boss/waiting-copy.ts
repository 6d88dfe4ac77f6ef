import { createHash } from 'node:crypto';
import { JobNotKeptError } from '../../tenant/jobs/job.errors.js';
import { countIn, LIMIT_WAITS_PROPERTY } from '../limit-waits.js';
import type { PgBossJob, PgBossLike } from './boss.js';

/** How often the job has waited, in its data: a copy is another job to pg-boss. */
const WAITS_PROPERTY = 'tenantWaits';

/** 0 for a job that has not waited, and for anything that this package has not written. */
export function waitsIn(data: unknown): number {
  return countIn(data, WAITS_PROPERTY);
}

/**
 * Sends the job again, to start later: pg-boss cannot give one back without counting an attempt. The copy's id follows from
 * the job's, so that a worker that dies behind this and runs the job once more sends the same one.
 *
 * @param isAtLimit whether the job waits because of its tenant's limit of jobs
 * @throws JobNotKeptError when the queue's policy does not take it
 */
export async function sendAgain(
  boss: PgBossLike,
  job: PgBossJob,
  delayMs: number,
  isAtLimit: boolean,
): Promise<string> {
  const property = isAtLimit ? LIMIT_WAITS_PROPERTY : WAITS_PROPERTY;
  const id = copyId(job.id);
  const data = { ...(job.data as object), [property]: countIn(job.data, property) + 1 };
  const startAfter = Math.max(1, Math.ceil(delayMs / 1000));
  const sent = await boss.send(job.name, data, { ...optionsOf(job), id, startAfter });
  if (sent === null && !(await boss.getJobById(job.name, id))) throw new JobNotKeptError(job.id);
  return id;
}

/** What a job has that differs from its queue's defaults. */
function optionsOf({ priority, retryLimit, retryDelay, retryBackoff, expireInSeconds, ...names }: PgBossJob): object {
  const options = {
    ...{ priority, retryLimit, retryDelay, retryBackoff },
    expireInSeconds: expireInSeconds && Math.ceil(Number(expireInSeconds)),
    singletonKey: names.singletonKey ?? undefined,
    deadLetter: names.deadLetter ?? undefined,
  };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** A UUID of version 8. Source: RFC 9562, §5.8. */
function copyId(jobId: string): string {
  const hash = createHash('sha256').update(`tenantry/waiting-copy:${jobId}`).digest('hex');
  const parts = [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(13, 16)}`, `8${hash.slice(17, 20)}`];
  return [...parts, hash.slice(20, 32)].join('-');
}

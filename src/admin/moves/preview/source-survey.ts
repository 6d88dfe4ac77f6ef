import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { CopyPlace } from '../../../database/copy/copy-place.js';
import { type OpenTransaction, openTransactions } from '../../../database/copy/estimates/open-transactions.js';
import { type ReadSample, sampleRead } from '../../../database/copy/estimates/sample-read.js';
import { type TableSize, tableSizes } from '../../../database/copy/estimates/table-sizes.js';
import type { CopyPace } from '../../../database/copy/streams/transfer-meter.js';
import type { MovePreviewView } from './move-preview.schemas.js';

/** How long a statement of the preview may take, with what it waits for. */
export const STATEMENT_MS = 10_000;
/** Up to how many rows of a table are counted. */
const EXACT_UP_TO = 100_000;
const SAMPLE = { maxBytes: 64 * 1024 * 1024, maxMs: 2_000 };
/** A transaction that is under way for longer than this is worth a line. */
const OLD_AFTER_MS = 1_000;
const ROUND_TRIPS = 3;

/**
 * How long a copy works, without its rests: it also writes the rows, checks keys and compares both sides. Measured on two shared cores: 12 to 14 times the reading for
 * 200,000 short rows in two tables with indexes and a foreign key, 5 to 8 times for 100,000 rows of 1.3 kB.
 */
const COPY_PER_READ = 10;

/** What a preview measures at the place that the tenant would leave. */
export interface SourceSurvey {
  readonly sizes: readonly TableSize[];
  readonly sample: ReadSample;
  readonly roundTripMs: number;
}

/** Reads only. */
export async function surveySource(place: CopyPlace, tenantId: string): Promise<SourceSurvey> {
  const roundTripMs = await roundTrip(place.client);
  const sizes = await tableSizes(place, tenantId, { exactUpTo: EXACT_UP_TO, timeoutMs: STATEMENT_MS });
  const sample = await sampleRead(place, tenantId, sizes, SAMPLE);
  return { sizes, sample, roundTripMs };
}

/** Null without rows. */
export function estimateCopy({ sizes, sample }: SourceSurvey, { workingShare = 1 }: CopyPace): MovePreviewView['copy'] {
  if (sample.rows === 0) return null;
  const rows = sizes.reduce((sum, size) => sum + size.rows, 0);
  const readMs = sample.ms * Math.max(1, rows / sample.rows);
  return {
    estimatedSeconds: round((readMs * COPY_PER_READ) / workingShare / 1_000),
    sampledBytes: sample.bytes,
    sampledMs: round(sample.ms),
  };
}

/** The shortest time between a statement and its answer, in ms. */
export async function roundTrip(client: pg.ClientBase): Promise<number> {
  let shortest = Infinity;
  for (let n = 0; n < ROUND_TRIPS; n += 1) {
    const startedAt = performance.now();
    await client.query('SELECT');
    shortest = Math.min(shortest, performance.now() - startedAt);
  }
  return round(shortest);
}

/** Transactions that are under way while `work` runs, and for at least a second. */
export async function duringWhichTransactions<T>(
  client: pg.ClientBase,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly transactions: MovePreviewView['waiting']['olderTransactions'] }> {
  const before = new Set((await openTransactions(client)).map(({ id }) => id));
  const startedAt = performance.now();
  const result = await work();
  await delay(Math.max(0, startedAt + OLD_AFTER_MS - performance.now()));
  const seconds = (performance.now() - startedAt) / 1_000;
  const still = (await openTransactions(client)).filter(({ id }) => before.has(id));
  return { result, transactions: still.map((transaction) => describe(transaction, seconds)) };
}

function describe(
  { pid, role, application, state, seconds }: OpenTransaction,
  least: number,
): MovePreviewView['waiting']['olderTransactions'][number] {
  return { pid, role, application, state, seconds: round(Math.max(seconds ?? 0, least)) };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

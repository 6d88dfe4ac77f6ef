import { Cron } from 'croner';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { InvalidCronError } from './cron.errors.js';

/** The times of a cron expression. Nothing here reads a clock or starts a timer. */
export class CronSchedule {
  /** The expression and its time zone: what identifies the schedule in the catalog. */
  readonly text: string;
  private readonly cron: Cron;

  /** @throws InvalidCronError for an expression without any time, and for an unknown time zone */
  constructor(expression: string, timeZone: string) {
    this.text = `${expression} ${timeZone}`;
    try {
      this.cron = new Cron(expression, { timezone: timeZone, mode: '5-or-6-parts' });
    } catch (error) {
      throw new InvalidCronError(`${this.text}: ${reasonOf(error)}`, { cause: error });
    }
    if (!hasTime(this.cron, this.text)) throw new InvalidCronError(`${this.text}: there is no such time`);
  }

  /** The newest time that is not after `now`; undefined before the first one. */
  latest(now: Date): Date | undefined {
    return this.cron.previousRuns(1, new Date(now.getTime() + 1))[0]; // it returns times before the given one
  }

  /** That one and the one before; undefined where there are not both. */
  latestTwo(now: Date): { readonly latest: Date; readonly secondLatest: Date } | undefined {
    const [latest, secondLatest] = this.cron.previousRuns(2, new Date(now.getTime() + 1));
    return latest && secondLatest && { latest, secondLatest };
  }

  next(now: Date): Date | undefined {
    return this.cron.nextRun(now) ?? undefined;
  }
}

function hasTime(cron: Cron, text: string): boolean {
  if (cron.getPattern() === undefined) return false; // croner also takes a date
  try {
    return cron.nextRun(new Date(0)) !== null;
  } catch (error) {
    throw new InvalidCronError(`${text}: ${reasonOf(error)}`, { cause: error });
  }
}

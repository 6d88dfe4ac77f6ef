import { DeadlineError, withDeadline } from '../../platform/timeout.js';
import type { Finding } from '../diagnosis/finding.js';
import { DoctorRunningError } from './doctor.errors.js';
import type { DoctorReport } from './doctor.schemas.js';

/** Below the time limit of most proxies. */
const ANSWER_MS = 50_000;

/** Runs the checks for requests, at most once at a time: they connect to every database with tenants. */
export class DoctorRuns {
  private running: Promise<DoctorReport> | undefined;

  constructor(
    private readonly diagnose: () => Promise<readonly Finding[]>,
    private readonly answerMs = ANSWER_MS,
  ) {}

  /**
   * The report of the running checks, or of new ones.
   *
   * @throws DoctorRunningError after 50 s
   */
  async report(): Promise<DoctorReport> {
    this.running ??= this.run().finally(() => (this.running = undefined));
    try {
      return await withDeadline(this.running, this.answerMs);
    } catch (error) {
      throw error instanceof DeadlineError ? new DoctorRunningError(this.answerMs) : error;
    }
  }

  private async run(): Promise<DoctorReport> {
    const checkedAt = new Date().toISOString();
    const startedAt = performance.now();
    const findings = await this.diagnose();
    return {
      healthy: !findings.some(({ verdict }) => verdict === 'fail'),
      checkedAt,
      durationMs: Math.round(performance.now() - startedAt),
      findings: [...findings],
    };
  }
}

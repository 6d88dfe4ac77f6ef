import type { HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';

type Session = ReturnType<HealthIndicatorService['check']>;

interface DegradableSession {
  degraded?(data: object): HealthIndicatorResult;
}

/**
 * Reports a part that is impaired, while the instance serves requests. Terminus knows that status from version 12 on; before,
 * the part is `up`, with `degraded: true`.
 */
export function degraded(session: Session, data: Record<string, unknown>): HealthIndicatorResult {
  const { degraded: report } = session as DegradableSession;
  return report ? report.call(session, data) : session.up({ ...data, degraded: true });
}

export function supportsDegraded(session: Session): boolean {
  return typeof (session as DegradableSession).degraded === 'function';
}

import { describe, expect, it } from '@jest/globals';
import { HealthIndicatorService } from '@nestjs/terminus';
import { degraded } from '../../../src/health/degraded.js';

describe('an impaired part of the instance', () => {
  const session = new HealthIndicatorService().check('redis');

  it('has the status degraded', () => {
    expect(degraded(session, { message: 'away' })).toEqual({ redis: { status: 'degraded', message: 'away' } });
  });

  it('is up with a note before terminus 12, which does not know that status', () => {
    const former = { up: (data: object) => session.up({ ...data }) } as typeof session;
    expect(degraded(former, { message: 'away' })).toEqual({
      redis: { status: 'up', message: 'away', degraded: true },
    });
  });
});

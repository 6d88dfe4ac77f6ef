import { describe, expect, it } from '@jest/globals';
import { Injectable, Scope } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Module } from '@nestjs/common';
import { TenantCron, type TenantCronOptions } from '../../../../src/index.js';
import { CronJobs } from '../../../../src/tenant/cron/cron-jobs.js';
import { CronSchedule } from '../../../../src/tenant/cron/cron-schedule.js';

const at = (text: string): Date => new Date(text);

describe('a schedule', () => {
  it('has the newest time that is not after a moment, and the next one after it', () => {
    const daily = new CronSchedule('0 3 * * *', 'UTC');
    expect(daily.latest(at('2026-05-02T03:00:00Z'))).toEqual(at('2026-05-02T03:00:00Z'));
    expect(daily.latest(at('2026-05-02T02:59:59.999Z'))).toEqual(at('2026-05-01T03:00:00Z'));
    expect(daily.next(at('2026-05-02T03:00:00Z'))).toEqual(at('2026-05-03T03:00:00Z'));
  });

  it('follows its time zone, whatever the time zone of the process', () => {
    const berlin = new CronSchedule('0 3 * * *', 'Europe/Berlin');
    expect(berlin.latest(at('2026-07-01T12:00:00Z'))).toEqual(at('2026-07-01T01:00:00Z'));
    expect(berlin.latest(at('2026-12-01T12:00:00Z'))).toEqual(at('2026-12-01T02:00:00Z'));
  });

  it('has a time once on the days on which clocks change', () => {
    const berlin = new CronSchedule('30 2 * * *', 'Europe/Berlin');
    // 02:30 does not exist on 29 March, and exists twice on 25 October.
    expect(berlin.latest(at('2026-03-29T22:00:00Z'))).toEqual(at('2026-03-29T01:00:00Z'));
    expect(berlin.latest(at('2026-10-25T22:00:00Z'))).toEqual(at('2026-10-25T00:30:00Z'));
    expect(berlin.next(at('2026-10-25T00:30:00Z'))).toEqual(at('2026-10-26T01:30:00Z'));
  });
});

describe('@TenantCron', () => {
  const decorate = (expression: string, options: object) => () => TenantCron(expression, options as TenantCronOptions);

  it.each([
    ['an expression that is none', 'tomorrow', { name: 'job' }],
    ['a date', '2030-01-01T00:00:00', { name: 'job' }],
    ['an expression without any time', '0 0 30 2 *', { name: 'job' }],
    ['an unknown time zone', '0 3 * * *', { name: 'job', timeZone: 'Mars/Olympus' }],
    ['no name', '0 3 * * *', {}],
    ['a name that is not plain', '0 3 * * *', { name: 'Every Day' }],
    ['an unknown option', '0 3 * * *', { name: 'job', missing: 'once' }],
    ['more tenants at once than there may be', '0 3 * * *', { name: 'job', concurrency: 65 }],
  ])('refuses %s where it stands', (_what, expression, options) => {
    expect(decorate(expression, options)).toThrow(expect.objectContaining({ code: 'INVALID_CRON' }));
  });

  it('refuses a filter of tenants that would be wider than it was meant to be', () => {
    const options = { name: 'job', tenants: { isolation: undefined } };
    expect(decorate('0 3 * * *', options)).toThrow(expect.objectContaining({ code: 'INVALID_FLEET_INPUT' }));
  });

  it('is found on providers, and bound to the instance', async () => {
    @Injectable()
    class Job {
      readonly greeting = 'hello';

      @TenantCron('0 3 * * *', { name: 'greet', concurrency: 2 })
      greet(): string {
        return this.greeting;
      }
    }
    const [job, ...others] = (await jobsOf([Job])).all();
    expect(others).toEqual([]);
    expect(job).toMatchObject({ name: 'greet', concurrency: 2, missed: 'skip', retryInterrupted: false });
    expect(await job?.run({} as never)).toBe('hello');
  });

  it('refuses two methods of one name', async () => {
    class First {
      @TenantCron('0 3 * * *', { name: 'same' })
      run(): void {}
    }
    class Second {
      @TenantCron('0 4 * * *', { name: 'same' })
      run(): void {}
    }
    const jobs = await jobsOf([First, Second]);
    expect(() => jobs.all()).toThrow('two methods under @TenantCron have the name same');
  });

  it('refuses a provider of a request', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {
      @TenantCron('0 3 * * *', { name: 'per-request' })
      run(): void {}
    }
    const jobs = await jobsOf([PerRequest]);
    expect(() => jobs.all()).toThrow('must not depend on a request');
  });
});

async function jobsOf(providers: (new () => object)[]): Promise<CronJobs> {
  @Module({ providers: [CronJobs, ...providers] })
  class JobsModule {}
  return (await NestFactory.createApplicationContext(JobsModule, { logger: false })).get(CronJobs);
}

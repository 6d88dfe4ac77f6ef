import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { TenantContext, TenantCron, type TenantCronOptions, type TenantCronRun } from '../../../src/index.js';
import { HostApplication } from '../host/host-application.js';
import type { TestDatabase } from '../postgres/postgres.js';

// One for the whole file: each instance must decrypt what another one encrypted.
const KEYS = `test:${randomBytes(32).toString('base64')}`;

/** A run of the job for one tenant, as it saw it. */
export interface Seen extends TenantCronRun {
  /** The tenant of the context that it ran in. */
  readonly slug: string;
}

export interface CronHostOptions extends TenantCronOptions {
  readonly expression?: string;
  readonly database?: TestDatabase;
  readonly env?: Readonly<Record<string, string>>;
}

/** An application with one job, whose work a test gives. */
export interface CronHost {
  readonly host: HostApplication;
  readonly seen: Seen[];
}

export async function startCronHost(
  { expression = '* * * * * *', database, env, ...options }: CronHostOptions,
  work: (run: Seen) => Promise<void> = async () => undefined,
): Promise<CronHost> {
  const seen: Seen[] = [];

  @Injectable()
  class Job {
    constructor(private readonly context: TenantContext) {}

    @TenantCron(expression, options)
    async run(run: TenantCronRun): Promise<void> {
      const each = { ...run, slug: this.context.current().tenant.slug };
      seen.push(each);
      await work(each);
    }
  }

  const host = await HostApplication.start({
    adapter: 'fastify',
    providers: [Job],
    ...(database && { database }),
    env: { ENCRYPTION_KEYS: KEYS, ...env },
  });
  return { host, seen };
}

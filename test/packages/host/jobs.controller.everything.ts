import { randomUUID } from 'node:crypto';
import { Controller, type OnApplicationShutdown, type OnModuleInit, Post } from '@nestjs/common';
import type { Job } from 'bullmq';
import PgBoss from 'pg-boss';
import { TenantContext, TenantJobs, TenantScoped } from 'tenantry';
import { tenantProcessor } from 'tenantry/bullmq';
import { TenantBoss } from 'tenantry/pg-boss';

const QUEUE = 'notes';

/** Runs a job of the caller's tenant with `tenantry/pg-boss`, and one as a worker of `tenantry/bullmq` does. */
@TenantScoped()
@Controller('jobs')
export class JobsController implements OnModuleInit, OnApplicationShutdown {
  private readonly boss = new PgBoss({
    connectionString: process.env.DATABASE_URL!,
    schedule: false,
    supervise: false,
  });
  private readonly tenantBoss: TenantBoss;
  /** By the text that a job has brought. */
  private readonly waiting = new Map<string, (tenant: string) => void>();

  constructor(
    private readonly jobs: TenantJobs,
    private readonly context: TenantContext,
  ) {
    this.tenantBoss = new TenantBoss(this.boss, jobs);
  }

  async onModuleInit(): Promise<void> {
    this.boss.on('error', (error) => console.error(error));
    await this.boss.start();
    await this.boss.createQueue(QUEUE);
    const work = { pollingIntervalSeconds: 0.5 };
    await this.tenantBoss.work<{ id: string }>(QUEUE, async ({ data }) => this.waiting.get(data.id)?.(this.tenant()), {
      work,
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.boss.stop({ graceful: false });
  }

  @Post()
  async run(): Promise<{ bullmq: string; pgBoss: string }> {
    const id = randomUUID();
    const pgBoss = new Promise<string>((resolve) => this.waiting.set(id, resolve));
    await this.tenantBoss.send(QUEUE, { id });
    const job = { data: this.jobs.carry({}), attemptsStarted: 1, attemptsMade: 0 } as unknown as Job;
    const bullmq = tenantProcessor(this.jobs, async () => this.tenant());
    return { bullmq: String(await bullmq(job)), pgBoss: await pgBoss };
  }

  private tenant(): string {
    return this.context.current().tenant.slug;
  }
}

// An instance with two jobs, from the compiled package. Each tenant's work takes a moment, and leaves a note when it begins and ends.
import { setTimeout as delay } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

const { createTenantTable, TenantConnectionService, TenantContext, TenantCron, TenantryModule } = await import(
  new URL('../../../dist/index.js', import.meta.url).href
);

const WORK_MS = 60;

class CreateNotes1764100000000 {
  name = 'CreateNotes1764100000000';

  async up(runner) {
    await createTenantTable(runner, 'notes', {
      columns: {
        id: 'uuid NOT NULL DEFAULT gen_random_uuid()',
        job: 'text NOT NULL',
        what: 'text NOT NULL',
        at: 'text NOT NULL',
      },
    });
  }

  async down() {}
}

class Jobs {
  constructor(context) {
    this.context = context;
  }

  async once(run) {
    await this.work('once', run);
  }

  async again(run) {
    await this.work('again', run);
  }

  async work(job, { scheduledAt, isRetry }) {
    await this.note(job, isRetry ? 'begun again' : 'begun', scheduledAt);
    await delay(WORK_MS);
    await this.note(job, 'ended', scheduledAt);
  }

  note(job, what, scheduledAt) {
    const values = [job, what, scheduledAt.toISOString()];
    return this.context.current().dataSource.query('INSERT INTO notes (job, what, at) VALUES ($1, $2, $3)', values);
  }
}

function cron(method, options) {
  const descriptor = Object.getOwnPropertyDescriptor(Jobs.prototype, method);
  TenantCron('0 0 * * *', { ...options, missed: 'once', concurrency: 3 })(Jobs.prototype, method, descriptor);
}
cron('once', { name: 'once' });
cron('again', { name: 'again', retryInterrupted: true });

class InstanceModule {}
Module({
  imports: [TenantryModule.forRoot(), TenantryModule.forFeature({ migrations: [CreateNotes1764100000000] })],
  providers: [{ provide: Jobs, inject: [TenantContext], useFactory: (context) => new Jobs(context) }],
})(InstanceModule);

const app = await NestFactory.createApplicationContext(InstanceModule, { logger: ['error', 'warn'] });
app.get(TenantConnectionService);
process.stdout.write('started\n');

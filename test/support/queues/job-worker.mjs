// A process with a worker of BullMQ, which notes each job in the table of its tenant. It reports what must not happen.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Worker } from 'bullmq';
import { EntitySchema } from 'typeorm';
import { tenantProcessor } from '../../../dist/bullmq.js';
import {
  TenantContext,
  TenantJobs,
  TenantryModule,
  createTenantTable,
  tenantRepositoryToken,
} from '../../../dist/index.js';

const [queueName, redisPort] = process.argv.slice(2);

/** The same as in test/support/host/notes.module.ts. */
const Note = new EntitySchema({
  name: 'Note',
  tableName: 'notes',
  columns: { id: { type: 'uuid', primary: true, generated: 'uuid' }, text: { type: 'text' } },
});

class CreateNotes {
  name = 'CreateNotes1764100000000';
  up = (runner) =>
    createTenantTable(runner, 'notes', {
      columns: { id: 'uuid NOT NULL DEFAULT gen_random_uuid()', text: 'text NOT NULL' },
    });
  down = async () => undefined;
}
Object.defineProperty(CreateNotes, 'name', { value: 'CreateNotes1764100000000' });

class HostModule {}
Module({
  imports: [TenantryModule.forRoot(), TenantryModule.forFeature({ entities: [Note], migrations: [CreateNotes] })],
})(HostModule);

const app = await NestFactory.createApplicationContext(HostModule, { logger: ['error'] });
const [context, jobs] = [app.get(TenantContext, { strict: false }), app.get(TenantJobs, { strict: false })];
const notes = app.get(tenantRepositoryToken(Note), { strict: false });

/** `tenantId` in the data is what the test has written, next to the carrier. */
async function note({ data: { id, tenantId } }) {
  const { tenant, principal } = context.current();
  if (tenant.id !== tenantId || principal?.tenantId !== tenantId)
    process.send({ wrong: `job ${id} of ${tenantId} ran for ${tenant.id}` });
  await notes.createQueryBuilder().insert().values({ id, text: tenantId }).orIgnore().execute();
  const others = await notes.query('SELECT count(*)::int AS n FROM notes WHERE text <> $1', [tenantId]);
  if (others[0].n > 0) process.send({ wrong: `job ${id} of ${tenantId} sees ${others[0].n} rows of others` });
  if (context.current().tenant.id !== tenantId) process.send({ wrong: `job ${id} has lost its tenant` });
  return { done: tenantId };
}

const wait = { waitMs: 300, maxWaits: 100_000 };
const processors = {
  wait: tenantProcessor(jobs, note, wait),
  drop: tenantProcessor(jobs, note, { ...wait, whenSuspended: 'drop' }),
  refuse: tenantProcessor(jobs, note, { ...wait, whenSuspended: 'refuse' }),
};

const assertNoContext = (where) => {
  if (context.isOpen) process.send({ wrong: `a context is open ${where}` });
};

const worker = new Worker(
  queueName,
  (job, token) => {
    assertNoContext('before a job');
    return processors[job.name](job, token);
  },
  {
    connection: { host: '127.0.0.1', port: Number(redisPort) },
    concurrency: 10,
    lockDuration: 5_000,
    stalledInterval: 2_000,
    maxStalledCount: 1_000,
  },
);
worker.on('completed', () => assertNoContext('behind a job'));
worker.on('failed', () => assertNoContext('behind a failed job'));
worker.on('error', () => undefined); // reported by the jobs that they belong to
process.send('ready');

import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Jobs that run once per tenant and time, over all instances. A run's row holds how far it has come: `last_tenant`, in the
 * order of ids, and the tenants in work, so that another instance goes on where one has died.
 */
export class Cron1773000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE cron_failures, cron_runs, cron_jobs');
  }
}

const TABLES = `
  -- Per name and schedule: releases with different schedules run side by side during a rolling restart.
  CREATE TABLE cron_jobs (
    name text NOT NULL,
    schedule text NOT NULL,
    decided_until timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, schedule)
  );

  CREATE TABLE cron_runs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    job text NOT NULL,
    scheduled_at timestamptz NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'ended', 'missed')),
    holder uuid,
    instance text,
    beats integer NOT NULL DEFAULT 0,
    last_tenant uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    in_work uuid[] NOT NULL DEFAULT '{}',
    done integer NOT NULL DEFAULT 0,
    failed integer NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    UNIQUE (job, scheduled_at)
  );
  CREATE UNIQUE INDEX cron_runs_one_running ON cron_runs (job) WHERE status = 'running';

  CREATE TABLE cron_failures (
    run_id uuid NOT NULL REFERENCES cron_runs ON DELETE CASCADE,
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    code text NOT NULL,
    message text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, tenant_id)
  );
  CREATE INDEX cron_failures_tenant ON cron_failures (tenant_id);`;

import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The running processes, and what each may open of a server's connections. `servers.max_connections` is the limit of all of them
 * together from now on; processes of former releases take it for their own.
 */
export class Instances1790000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE instances (
        id text PRIMARY KEY,
        name text NOT NULL,
        pid integer NOT NULL,
        worker integer,
        renewal integer NOT NULL,
        started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        heartbeat_at timestamptz NOT NULL DEFAULT clock_timestamp()
      )`);
    await runner.query(`
      CREATE TABLE connection_shares (
        server_id uuid NOT NULL REFERENCES servers ON DELETE CASCADE,
        instance_id text NOT NULL REFERENCES instances ON DELETE CASCADE,
        share integer NOT NULL CHECK (share >= 0),
        need integer NOT NULL CHECK (need >= 0),
        least integer NOT NULL CHECK (least >= 0),
        open integer NOT NULL CHECK (open >= 0),
        waiting integer NOT NULL CHECK (waiting >= 0),
        PRIMARY KEY (server_id, instance_id)
      )`);
    await runner.query('CREATE INDEX connection_shares_instance ON connection_shares (instance_id)');
    await runner.query('ALTER TABLE servers ADD COLUMN allowed_connections integer');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE servers DROP COLUMN allowed_connections');
    await runner.query('DROP TABLE connection_shares, instances');
  }
}

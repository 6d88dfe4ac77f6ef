import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateProjects1760100000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE projects (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        name text NOT NULL UNIQUE
      );
      CREATE TABLE tasks (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
        title text NOT NULL,
        done boolean NOT NULL DEFAULT false
      );
      CREATE INDEX tasks_project ON tasks (project_id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE tasks; DROP TABLE projects');
  }
}

import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import { createTenantTable } from '../../../../src/index.js';
import { migration } from '../../tables/migration-fixture.js';

@Entity('memos')
export class Memo {
  @PrimaryGeneratedColumn('uuid') id: string;
  @Column('text') text: string;
}

/** The tenants' memos, which are protected. */
export const CREATE_MEMOS = migration('CreateMemos1764100000010', (runner) =>
  createTenantTable(runner, 'memos', {
    columns: { id: 'uuid NOT NULL DEFAULT gen_random_uuid()', text: 'text NOT NULL' },
  }),
);

/** Tables that all tenants share by accident. */
export const CREATE_UNPROTECTED = migration('CreateUnprotected1764100000011', async (runner) => {
  await runner.query('CREATE TABLE labels (id uuid PRIMARY KEY, memo_id uuid NOT NULL, label text NOT NULL)');
  await runner.query('CREATE TABLE preferences (id uuid PRIMARY KEY, text text NOT NULL)');
  await runner.query('GRANT SELECT, INSERT, UPDATE, DELETE ON labels, preferences TO PUBLIC');
});

/** What lets a login role past the policies. The function is the superuser's, as an extension's are. */
export const CREATE_EXPOSING = migration('CreateExposing1764100000012', async (runner) => {
  await runner.query('CREATE VIEW all_memos AS SELECT * FROM memos');
  await runner.query('CREATE TABLE ledger (tenant_id uuid NOT NULL, id uuid NOT NULL, entry text NOT NULL)');
  await runner.query('GRANT SELECT ON all_memos, ledger TO PUBLIC');
});

export const DEFINER_FUNCTION = `
  CREATE FUNCTION public.texts_of_memos() RETURNS SETOF text SECURITY DEFINER LANGUAGE sql
  AS 'SELECT text FROM shared.memos'`;

/** An entity whose table has neither `tenant_id` nor policies. */
@Entity('drafts', { synchronize: false })
export class Draft {
  @PrimaryGeneratedColumn('uuid') id: string;
  @Column('text') text: string;
}

export const CREATE_DRAFTS = migration('CreateDrafts1764100000013', async (runner) => {
  await runner.query('CREATE TABLE drafts (id uuid PRIMARY KEY, text text NOT NULL)');
  await runner.query('GRANT SELECT, INSERT, UPDATE, DELETE ON drafts TO PUBLIC');
});

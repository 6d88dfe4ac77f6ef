import type pg from 'pg';
import { recordedMigrations } from './recorded-migrations.js';

interface MigratedSchema {
  readonly client: pg.ClientBase;
  readonly schema: string;
}

/**
 * The newest migrations of two sets of tables, `none` without one, when they do not have the same migrations; undefined when
 * they do. Rows are copied between tables of the same version only.
 */
export async function differingMigrations(
  one: MigratedSchema,
  other: MigratedSchema,
): Promise<{ readonly one: string; readonly other: string } | undefined> {
  const [here, there] = [
    await recordedMigrations(one.client, one.schema),
    await recordedMigrations(other.client, other.schema),
  ];
  if (here.toSorted().join('\0') === there.toSorted().join('\0')) return undefined;
  return { one: here.at(-1) ?? 'none', other: there.at(-1) ?? 'none' };
}

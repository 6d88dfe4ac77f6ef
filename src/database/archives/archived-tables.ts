import type { CopiedGroup, CopiedTable } from '../copy/tables/copied-tables.js';

/** The tables as an archive has them: without `tenant_id`, because its rows may become those of another tenant. */
export function withoutTenant(groups: readonly CopiedGroup[]): readonly CopiedTable[] {
  return groups.flat().map((table) => ({ ...table, columns: table.columns.filter((name) => name !== 'tenant_id') }));
}

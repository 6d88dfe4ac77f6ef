import type { DataSource } from 'typeorm';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';

/** The versions of tables that other tenants are in. */
export async function versionsAt(catalog: DataSource, targetId: string, schema: string): Promise<(string | null)[]> {
  const others = await catalog
    .getRepository(TenantEntity)
    .find({ where: { targetId, schema }, select: { id: true, schemaVersion: true } });
  return others.map(({ schemaVersion }) => schemaVersion);
}

/** Rows are copied between tables of the same version only. @returns undefined when they are */
export function versionObstacle(own: string | null, there: readonly (string | null)[]): string | undefined {
  const different = there.find((version) => version !== own);
  if (different === undefined) return undefined;
  return `its tables are at ${own}, those of its new place at ${different}: migrate first`;
}

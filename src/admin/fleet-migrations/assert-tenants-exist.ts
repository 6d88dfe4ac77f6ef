import { type EntityManager, In } from 'typeorm';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { shownName, ValidationFailedError } from '../../platform/errors/request.errors.js';

/**
 * @param fields slugs by field name
 * @throws ValidationFailedError listing the slugs without a tenant, by field and index
 */
export async function assertTenantsExist(
  catalog: EntityManager,
  fields: Readonly<Record<string, readonly string[] | undefined>>,
): Promise<void> {
  const slugs = Object.values(fields).flatMap((names) => names ?? []);
  if (slugs.length === 0) return;
  const found = await catalog.find(TenantEntity, { where: { slug: In(slugs) }, select: { slug: true } });
  const known = new Set(found.map(({ slug }) => slug));
  const problems = Object.entries(fields).flatMap(([field, names = []]) =>
    names.flatMap((name, n) =>
      known.has(name) ? [] : [{ field: `${field}.${n}`, message: `no such tenant: ${shownName(name)}` }],
    ),
  );
  if (problems.length > 0) throw new ValidationFailedError(problems);
}

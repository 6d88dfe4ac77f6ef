import type { PipeTransform } from '@nestjs/common';
import { SLUG } from '../../catalog/model/slug.js';
import { NotFoundError } from '../../platform/errors/request.errors.js';
import { isUuid } from '../../platform/uuid.js';

/**
 * Parses a tenant's slug or id into the matching column of `tenants`. No slug has the form of an id.
 *
 * @throws NotFoundError for anything else, without querying PostgreSQL, which would reject some of it
 */
export function parseSlugOrId(slugOrId: string): { readonly id: string } | { readonly slug: string } {
  if (isUuid(slugOrId)) return { id: slugOrId.toLowerCase() };
  if (!SLUG.test(slugOrId)) throw new NotFoundError('tenant', slugOrId);
  return { slug: slugOrId };
}

/** Validates and normalizes a tenant's slug or id from a path. */
export const slugOrId: PipeTransform<string, string> = {
  transform(value) {
    const tenant = parseSlugOrId(value);
    return 'id' in tenant ? tenant.id : tenant.slug;
  },
};

import type { PipeTransform } from '@nestjs/common';
import { SLUG } from '../../catalog/model/slug.js';
import { NotFoundError } from '../../platform/errors/request.errors.js';

/** A tenant's id. No slug has this form, so a slug or id is never ambiguous. */
export const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Parses a tenant's slug or id into the matching column of `tenants`.
 *
 * @throws NotFoundError for anything else, without querying PostgreSQL, which would reject some of it
 */
export function parseSlugOrId(slugOrId: string): { readonly id: string } | { readonly slug: string } {
  const id = slugOrId.toLowerCase();
  if (UUID.test(id)) return { id };
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

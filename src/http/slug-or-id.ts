import type { PipeTransform } from '@nestjs/common';
import { SLUG } from '../catalog/model/slug.js';
import { NotFoundError } from '../platform/errors/request.errors.js';

/** A tenant's id. No slug looks like one, so that what names a tenant names one tenant. */
export const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The column of `tenants` that a tenant is named by.
 *
 * @throws NotFoundError for what can be neither: PostgreSQL need not be asked, and refuses some of it
 */
export function namedBy(slugOrId: string): { readonly id: string } | { readonly slug: string } {
  const id = slugOrId.toLowerCase();
  if (UUID.test(id)) return { id };
  if (!SLUG.test(slugOrId)) throw new NotFoundError('tenant');
  return { slug: slugOrId };
}

/** A tenant's slug or id from a path, which has to be able to be one. */
export const slugOrId: PipeTransform<string, string> = {
  transform(text) {
    const named = namedBy(text);
    return 'id' in named ? named.id : named.slug;
  },
};

import { Injectable } from '@nestjs/common';
import { TenantContext } from '../context/tenant-context.js';
import { WrongTenantPathError, InvalidPathError } from './paths.errors.js';

const ROOT = 'tenants';
/** The limit of object stores: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html */
const MAX_BYTES = 1_024;

/**
 * Where the current tenant's files and objects are, on a disk or in an object store: everything of a tenant has one prefix,
 * `tenants/<id>/`, so that it can be listed, counted and removed with the tenant.
 */
@Injectable()
export class TenantPaths {
  /** @internal */
  constructor(private readonly context: TenantContext) {}

  /**
   * `tenants/<id>/`, also the prefix of a tenant that is not the current one.
   *
   * @throws NoTenantContextError without an id and outside of a context
   */
  prefix(tenantId: string = this.context.current().tenant.id): string {
    return `${ROOT}/${tenantId}/`;
  }

  /**
   * The current tenant's path of a name, which may come from outside: `path('invoices', '7.pdf')` is
   * `tenants/<id>/invoices/7.pdf`.
   *
   * @param names at least one; each may contain `/` between parts
   * @throws NoTenantContextError; InvalidPathError for an empty part, `.`, `..`, a backslash or a control character, and for more
   *   than 1,024 bytes
   */
  path(...names: readonly [string, ...string[]]): string {
    const parts = names.flatMap((name) => name.split('/'));
    const path = this.prefix() + parts.join('/');
    if (!parts.every(isSafe) || Buffer.byteLength(path) > MAX_BYTES) throw new InvalidPathError();
    return path;
  }

  /**
   * The name of one of the current tenant's paths, without the prefix: for a path that was stored, or that comes from outside.
   *
   * @throws NoTenantContextError, InvalidPathError, WrongTenantPathError
   */
  name(path: string): string {
    const prefix = this.prefix();
    if (!path.startsWith(prefix)) throw new WrongTenantPathError();
    const name = path.slice(prefix.length);
    this.path(name);
    return name;
  }
}

function isSafe(part: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what it finds
  return part !== '' && part !== '.' && part !== '..' && !/[\\\u0000-\u001F\u007F]/.test(part);
}

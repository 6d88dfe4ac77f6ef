import type { PipeTransform } from '@nestjs/common';
import { NotFoundError } from '../../platform/errors/request.errors.js';
import { serverName } from '../tenants/tenant.schemas.js';

/** Parses a server's name in a path. A malformed name cannot exist: 404, without a query. */
export const serverNamePipe: PipeTransform<string, string> = {
  transform(name) {
    if (!serverName.safeParse(name).success) throw new NotFoundError('server');
    return name;
  },
};

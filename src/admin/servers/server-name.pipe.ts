import type { PipeTransform } from '@nestjs/common';
import { NotFoundError } from '../../platform/errors/request.errors.js';
import { serverName } from '../tenants/tenant.schemas.js';

/** A server's name from a path. What can be none names nothing: 404, and PostgreSQL is not asked. */
export const serverNamePipe: PipeTransform<string, string> = {
  transform(name) {
    if (!serverName.safeParse(name).success) throw new NotFoundError('server');
    return name;
  },
};

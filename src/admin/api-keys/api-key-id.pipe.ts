import type { PipeTransform } from '@nestjs/common';
import { NotFoundError } from '../../platform/errors/request.errors.js';
import { apiKeyId } from './api-key.schemas.js';

/** An API key's id from a path. What can be none names nothing: 404, and PostgreSQL is not asked. */
export const apiKeyIdPipe: PipeTransform<string, string> = {
  transform(id) {
    if (!apiKeyId.safeParse(id).success) throw new NotFoundError('API key');
    return id;
  },
};

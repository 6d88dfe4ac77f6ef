import type { PipeTransform } from '@nestjs/common';
import { NotFoundError } from '../../platform/errors/request.errors.js';
import { apiKeyId } from './api-key.schemas.js';

/** Parses an API key's id in a path. A malformed id cannot exist: 404, without a query. */
export const apiKeyIdPipe: PipeTransform<string, string> = {
  transform(id) {
    if (!apiKeyId.safeParse(id).success) throw new NotFoundError('API key');
    return id;
  },
};

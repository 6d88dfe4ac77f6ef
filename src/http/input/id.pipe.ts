import type { PipeTransform } from '@nestjs/common';
import { z } from 'zod';
import { NotFoundError } from '../../platform/errors/request.errors.js';

const guid = z.guid();

/** Validates an id from a path. Responds with 404 to anything but a UUID, without querying PostgreSQL. */
export class IdPipe implements PipeTransform<string, string> {
  constructor(private readonly resource: string) {}

  transform(id: string): string {
    if (!guid.safeParse(id).success) throw new NotFoundError(this.resource);
    return id;
  }
}

import type { PipeTransform } from '@nestjs/common';
import { z } from 'zod';
import { NotFoundError } from '../platform/errors/request.errors.js';

const guid = z.guid();

/** An id from a path. One that is no uuid names nothing: 404, and PostgreSQL is not asked. */
export class IdPipe implements PipeTransform<string, string> {
  constructor(private readonly what: string) {}

  transform(id: string): string {
    if (!guid.safeParse(id).success) throw new NotFoundError(this.what);
    return id;
  }
}

import type { PipeTransform } from '@nestjs/common';
import { NotFoundError } from '../../platform/errors/request.errors.js';
import { isUuid } from '../../platform/uuid.js';

/** Validates an id from a path. Responds with 404 to a malformed one, without querying PostgreSQL. */
export class IdPipe implements PipeTransform<string, string> {
  /** @param isWellFormed what ids of the resource look like; by default UUIDs */
  constructor(
    private readonly resource: string,
    private readonly isWellFormed: (id: string) => boolean = isUuid,
  ) {}

  transform(id: string): string {
    if (!this.isWellFormed(id)) throw new NotFoundError(this.resource);
    return id;
  }
}

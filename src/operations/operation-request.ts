import type { EntityManager } from 'typeorm';
import type { z } from 'zod';
import type { OperationEntity } from '../catalog/entities/operation.entity.js';
import type { Actor } from '../catalog/audit/actor.js';
import type { OperationKind } from './operation-kind.js';

/** Every request names the kind of operation that it asks for; the rest is the kind's own. */
export interface RequestOfKind {
  readonly kind: string;
}

/** A kind of operation that operators ask for directly: over REST, or with the command line. */
export interface OperationRequest<Request extends RequestOfKind = RequestOfKind> {
  readonly kind: OperationKind;
  /** A strict object whose `kind` is a literal: the name of the kind. With an id and an example in its `meta`. */
  readonly request: z.ZodType<Request>;
  /**
   * The operation, created in the caller's transaction with `Operations.create`. That it was asked for is recorded by
   * the caller.
   *
   * @throws NotFoundError, ConflictError (another one is under way), ValidationFailedError
   */
  create(catalog: EntityManager, request: Request, actor: Actor): Promise<OperationEntity>;
}

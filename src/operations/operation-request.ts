import type { EntityManager } from 'typeorm';
import type { z } from 'zod';
import type { OperationEntity } from '../catalog/entities/operation.entity.js';
import type { OperatorRole } from '../catalog/model/operator.js';
import type { Actor } from '../catalog/audit/actor.js';
import type { OperationKind } from './operation-kind.js';

/** The part that all request bodies share: the kind of operation. Each kind defines the other fields. */
export interface OperationRequestBody {
  readonly kind: string;
}

/** A kind of operation that operators may request directly, over REST or from the command line. */
export interface OperationRequest<Request extends OperationRequestBody = OperationRequestBody> {
  readonly kind: OperationKind;
  /** The role that an operator needs to request it, and to cancel it or try it again. Default: `operator`. */
  readonly role?: OperatorRole;
  /**
   * A strict object whose `kind` is a literal, the name of the kind. Its `meta` has an id and an example for OpenAPI.
   */
  readonly schema: z.ZodType<Request>;
  /**
   * Creates the operation in the caller's transaction, with `Operations.create`. The caller writes the audit entry.
   *
   * @throws NotFoundError, ConflictError (another operation is in progress), ValidationFailedError
   */
  create(catalog: EntityManager, request: Request, actor: Actor): Promise<OperationEntity>;
}

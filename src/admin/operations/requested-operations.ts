import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { ValidationFailedError } from '../../platform/errors/request.errors.js';
import type { Actor } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import { OperationKinds } from '../../operations/operation-kinds.js';
import type { OperationRequest, RequestOfKind } from '../../operations/operation-request.js';
import { type OperationView, toOperationView } from './operation.schemas.js';

const ofKind = z.looseObject({ kind: z.string() });

/** Operations that operators ask for directly, each kind with a request of its own. */
@Injectable()
export class RequestedOperations {
  constructor(
    private readonly kinds: OperationKinds,
    private readonly audit: AuditLog,
  ) {}

  /** The request as its kind understands it. @throws ValidationFailedError */
  check(body: unknown): RequestOfKind {
    return parseOrThrow(this.requestOf(parseOrThrow(ofKind, body)).request, body);
  }

  /** What each kind throws: NotFoundError, ConflictError (another one is under way), ValidationFailedError. */
  async create(catalog: EntityManager, request: RequestOfKind, actor: Actor): Promise<OperationView> {
    const operation = await this.requestOf(request).create(catalog, request, actor);
    const { id, kind, subject } = operation;
    await this.audit.record(catalog, {
      ...{ actor, action: 'operation.create', subjectKind: 'operation', subjectId: id },
      ...{ subject: `${kind} ${subject}`, after: request },
    });
    return toOperationView(operation);
  }

  private requestOf({ kind }: RequestOfKind): OperationRequest {
    const { requests } = this.kinds;
    const request = requests.find(({ kind: { name } }) => name === kind);
    if (request) return request;
    const names = requests.map(({ kind: { name } }) => name);
    throw new ValidationFailedError([{ field: 'kind', message: `must be one of ${names.join(', ')}` }]);
  }
}

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { ValidationFailedError } from '../../platform/errors/request.errors.js';
import type { OperatorRole } from '../../catalog/model/operator.js';
import type { Actor } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import { OperationKinds } from '../../operations/operation-kinds.js';
import type { OperationRequest, OperationRequestBody } from '../../operations/operation-request.js';
import { type OperationView, toOperationView } from './operation.schemas.js';

const anyRequest = z.looseObject({ kind: z.string() });

/** Creates the operations that operators request directly. Each kind has its own request schema. */
@Injectable()
export class RequestedOperations {
  constructor(
    private readonly kinds: OperationKinds,
    private readonly audit: AuditLog,
  ) {}

  /** Parses a request with the schema of its kind. @throws ValidationFailedError */
  validate(body: unknown): OperationRequestBody {
    return parseOrThrow(this.requestOf(parseOrThrow(anyRequest, body)).schema, body);
  }

  /** @throws NotFoundError, ConflictError (another operation is in progress), ValidationFailedError */
  async create(catalog: EntityManager, request: OperationRequestBody, actor: Actor): Promise<OperationView> {
    const operation = await this.requestOf(request).create(catalog, request, actor);
    const { id, kind, subject } = operation;
    await this.audit.record(catalog, {
      actor,
      action: 'operation.create',
      subjectKind: 'operation',
      subjectId: id,
      subject: `${kind} ${subject}`,
      after: request,
    });
    return toOperationView(operation);
  }

  /** The role that an operator needs for a kind of operation. Those that are not requested directly belong to work on tenants. */
  roleFor(kind: string): OperatorRole {
    return this.kinds.requests.find(({ kind: { name } }) => name === kind)?.role ?? 'operator';
  }

  private requestOf({ kind }: OperationRequestBody): OperationRequest {
    const { requests } = this.kinds;
    const request = requests.find(({ kind: { name } }) => name === kind);
    if (request) return request;
    const names = requests.map(({ kind: { name } }) => name);
    throw new ValidationFailedError([{ field: 'kind', message: `must be one of ${names.join(', ')}` }]);
  }
}

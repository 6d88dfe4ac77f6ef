import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type DataSource, type EntityManager, IsNull, Not } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { OperatorKeyEntity } from '../../catalog/entities/operator-key.entity.js';
import { OperatorEntity } from '../../catalog/entities/operator.entity.js';
import { newBearerKey } from '../../catalog/model/bearer-key.js';
import type { Operator, TenantSelection } from '../../catalog/model/operator.js';
import { ConflictError, NotFoundError, ValidationFailedError } from '../../platform/errors/request.errors.js';
import { type ConstraintErrors, withConstraintErrors } from '../../platform/postgres/constraint-errors.js';
import { endImpersonations, endOutOfReach } from '../../tenant/operators/impersonation-keys.js';
import { TenantRecords } from '../tenants/tenant-records.js';
import { OperatorRecords } from './operator-records.js';
import { OperatorSessions } from './operator-sessions.js';
import {
  type CurrentOperatorView,
  type IssuedOperatorKey,
  isPossible,
  type NewOperator,
  type NewOperatorKey,
  type OperatorChange,
  type OperatorView,
} from './operator.schemas.js';

const DAY_SECONDS = 86_400;
const TAKEN: ConstraintErrors = {
  operators_by_name: () => new ConflictError('an operator with this name exists'),
};

type Limits = NewOperator['limitedTo'];

/** Persons and programs with rights on the control plane, and their keys, of which only hashes are stored. */
@Injectable()
export class Operators {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly records: OperatorRecords,
    private readonly tenants: TenantRecords,
    private readonly audit: AuditLog,
    private readonly sessions: OperatorSessions,
  ) {}

  /** @throws ConflictError (the name is in use), NotFoundError (a tenant that it would be limited to) */
  async create(catalog: EntityManager, request: NewOperator, actor: Actor): Promise<IssuedOperatorKey> {
    const { name, role, limitedTo, expiresInDays } = request;
    const id = randomUUID();
    const limits = await this.limitsOf(catalog, limitedTo);
    await withConstraintErrors(TAKEN, () => catalog.insert(OperatorEntity, { id, name, role, ...limits }));
    const token = await insertKey(catalog, id, expiresInDays);
    const operator = await this.records.read(name, catalog);
    await this.record(catalog, actor, 'operator.create', operator, { after: { role, limitedTo } });
    return { operator, token };
  }

  /**
   * Takes effect with the operator's next request, and ends its impersonations that it might not begin again.
   *
   * @throws NotFoundError, ValidationFailedError (a limited admin), ConflictError (the OpenID provider decides)
   */
  change(name: string, change: OperatorChange, actor: Actor): Promise<OperatorView> {
    return this.catalog.transaction(async (catalog) => {
      const { id } = requireOwnRights(await lock(catalog, name));
      const before = await this.records.read(name, catalog);
      const next = { role: before.role, limitedTo: before.limitedTo, ...change };
      if (!isPossible(next)) {
        throw new ValidationFailedError([{ field: 'limitedTo', message: 'an admin cannot be limited' }]);
      }
      const limits = change.limitedTo === undefined ? {} : await this.limitsOf(catalog, change.limitedTo);
      await catalog.update(OperatorEntity, id, { role: next.role, ...limits });
      await endOutOfReach(catalog, id, this.audit, actor);
      const after = await this.records.read(name, catalog);
      await this.record(catalog, actor, 'operator.change', after, { before: rightsOf(before), after: rightsOf(after) });
      return after;
    });
  }

  /** All keys and sessions of the operator are refused from now on, so are its sign-ins, and its impersonations end. @throws NotFoundError */
  revoke(name: string, actor: Actor): Promise<OperatorView> {
    return this.catalog.transaction(async (catalog) => {
      const { id } = await lock(catalog, name);
      const operator = await this.records.read(name, catalog);
      await catalog.update(OperatorEntity, id, { revokedAt: () => 'now()' });
      await this.sessions.endAll(catalog, id);
      await endImpersonations(catalog, id, this.audit, actor);
      await this.record(catalog, actor, 'operator.revoke', operator, {});
      return this.records.readById(id, catalog);
    });
  }

  /** Ends all sessions and impersonations of the operator, who may sign in again. @throws NotFoundError */
  endSessions(name: string, actor: Actor): Promise<OperatorView> {
    return this.catalog.transaction(async (catalog) => {
      const { id } = await lock(catalog, name);
      const sessions = await this.sessions.endAll(catalog, id);
      await endImpersonations(catalog, id, this.audit, actor);
      const operator = await this.records.read(name, catalog);
      if (sessions > 0) await this.record(catalog, actor, 'operator.end-sessions', operator, { after: { sessions } });
      return operator;
    });
  }

  /**
   * Lets an operator who was revoked sign in again through the OpenID provider: the one with the name who was revoked last.
   *
   * @throws NotFoundError, ConflictError (the name is in use)
   */
  readmit(name: string, actor: Actor): Promise<OperatorView> {
    return this.catalog.transaction(async (catalog) => {
      const revoked = await catalog.findOne(OperatorEntity, {
        where: { name, revokedAt: Not(IsNull()), issuer: Not(IsNull()) },
        order: { revokedAt: 'DESC' },
        lock: { mode: 'pessimistic_write' },
      });
      if (!revoked) throw new NotFoundError('revoked operator of the provider', name);
      await withConstraintErrors(TAKEN, () => catalog.update(OperatorEntity, revoked.id, { revokedAt: null }));
      const operator = await this.records.read(name, catalog);
      await this.record(catalog, actor, 'operator.readmit', operator, {});
      return operator;
    });
  }

  /**
   * One more key, for example to replace one that expires.
   *
   * @throws NotFoundError, ConflictError (the OpenID provider decides: a key would outlast what it takes away)
   */
  async issueKey(
    catalog: EntityManager,
    name: string,
    { expiresInDays }: NewOperatorKey,
    actor: Actor,
  ): Promise<IssuedOperatorKey> {
    const { id } = requireOwnRights(await lock(catalog, name));
    const token = await insertKey(catalog, id, expiresInDays);
    const operator = await this.records.read(name, catalog);
    await this.record(catalog, actor, 'operator.issue-key', operator, { after: { key: operator.keys[0]?.id } });
    return { operator, token };
  }

  /** Ends the operator's impersonations too: which of its keys has begun one is not known. @throws NotFoundError */
  revokeKey(name: string, keyId: string, actor: Actor): Promise<OperatorView> {
    return this.catalog.transaction(async (catalog) => {
      const { id } = await lock(catalog, name);
      const where = { id: keyId, operatorId: id };
      if (!(await catalog.existsBy(OperatorKeyEntity, where))) throw new NotFoundError("operator's key");
      const { affected } = await catalog.update(
        OperatorKeyEntity,
        { ...where, revokedAt: IsNull() },
        { revokedAt: () => 'now()' },
      );
      const operator = await this.records.read(name, catalog);
      if (affected !== 0) {
        await endImpersonations(catalog, id, this.audit, actor);
        await this.record(catalog, actor, 'operator.revoke-key', operator, { after: { key: keyId } });
      }
      return operator;
    });
  }

  /** The caller, as a program that works for it may show. */
  async describe({ id, name, role, limitedTo }: Operator): Promise<CurrentOperatorView> {
    return { id, name, role, limitedTo: limitedTo ? await this.records.describe(limitedTo) : null };
  }

  /** @throws NotFoundError */
  private async limitsOf(
    catalog: EntityManager,
    limits: Limits,
  ): Promise<Pick<OperatorEntity, 'tenantIds' | 'groups'>> {
    if (limits === null) return { tenantIds: null, groups: null };
    const selection: TenantSelection = {
      tenantIds: await Promise.all(limits.tenants.map(async (tenant) => (await this.tenants.read(tenant, catalog)).id)),
      groups: limits.groups,
    };
    return { tenantIds: [...new Set(selection.tenantIds)], groups: [...new Set(selection.groups)] };
  }

  private record(
    catalog: EntityManager,
    actor: Actor,
    action: string,
    { id, name }: OperatorView,
    change: { readonly before?: object; readonly after?: object },
  ): Promise<void> {
    const subject = { subjectKind: 'operator', subjectId: id, subject: name } as const;
    return this.audit.record(catalog, { actor, action, ...subject, ...change });
  }
}

/** @throws NotFoundError */
async function lock(catalog: EntityManager, name: string): Promise<OperatorEntity> {
  const operator = await catalog.findOne(OperatorEntity, {
    where: { name, revokedAt: IsNull() },
    lock: { mode: 'pessimistic_write' },
  });
  if (!operator) throw new NotFoundError('operator', name);
  return operator;
}

/** @throws ConflictError */
function requireOwnRights(operator: OperatorEntity): OperatorEntity {
  if (operator.issuer === null) return operator;
  throw new ConflictError('the OpenID provider decides what this operator may do, at each sign-in');
}

/** SQL for the expiry, because the catalog's clock decides about it. */
async function insertKey(catalog: EntityManager, operatorId: string, expiresInDays?: number): Promise<string> {
  const { keyId, token, secretHash } = newBearerKey('adm');
  const expiresAt =
    expiresInDays === undefined ? null : () => `now() + make_interval(secs => ${expiresInDays * DAY_SECONDS})`;
  await catalog.insert(OperatorKeyEntity, { id: keyId, operatorId, secretHash, expiresAt });
  return token;
}

function rightsOf({ role, limitedTo }: OperatorView): object {
  return { role, limitedTo };
}

import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type DataSource, type EntityManager, IsNull } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { OperatorSessionEntity } from '../../catalog/entities/operator-session.entity.js';
import { OperatorEntity } from '../../catalog/entities/operator.entity.js';
import { newBearerKey, verifySecret } from '../../catalog/model/bearer-key.js';
import { parseSessionToken } from '../../catalog/model/operator.js';
import { withConstraintErrors } from '../../platform/postgres/constraint-errors.js';
import { endImpersonations, endOutOfReach } from '../../tenant/operators/impersonation-keys.js';
import { operatorName } from './operator.schemas.js';
import type { ProviderIdentity, ProviderRights } from './provider-identity.js';
import { SignInError } from './sign-in.errors.js';

/** Open sessions of one operator; a further one ends the oldest. */
const MAX_SESSIONS = 20;

const ONE_SIGN_IN_AT_A_TIME = 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))';
const END_OLDEST = `
  UPDATE operator_sessions SET ended_at = now() WHERE id IN (
    SELECT id FROM operator_sessions WHERE operator_id = $1 AND ended_at IS NULL AND expires_at > now()
    ORDER BY created_at DESC, id OFFSET ${MAX_SESSIONS})`;
/** An ended session is known for a week, so that its token counts as no guess. */
const FORGET = `DELETE FROM operator_sessions WHERE expires_at < now() - interval '7 days'`;

/** Where a sign-in comes from. */
type Origin = Pick<Actor, 'address' | 'requestId'>;

/** Sessions of operators who sign in through the OpenID provider. Their tokens are hashed, as keys are. */
@Injectable()
export class OperatorSessions {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Opens a session. At the first one the person becomes an operator; at each one the operator's rights become those that the
   * provider gives, and end impersonations that they no longer permit. A person to whom it gives none loses the sessions and
   * impersonations that are open.
   *
   * @returns the session's token
   * @throws SignInError (OIDC_NO_ROLE, OIDC_REVOKED, OIDC_NAME_UNUSABLE, OIDC_NAME_TAKEN)
   */
  async open(identity: ProviderIdentity, minutes: number, origin: Origin): Promise<string> {
    const outcome = await this.catalog.transaction(async (catalog) => {
      const { issuer, subject, rights } = identity;
      await catalog.query(ONE_SIGN_IN_AT_A_TIME, [`operator ${issuer} ${subject}`]);
      const known = await catalog.findOne(OperatorEntity, {
        where: { issuer, subject },
        lock: { mode: 'pessimistic_write' },
      });
      if (known?.revokedAt) return new SignInError('OIDC_REVOKED');
      if (!rights) return this.withoutRole(catalog, known, origin);
      const operator = known
        ? await this.adjust(catalog, known, rights, origin)
        : await this.create(catalog, identity, rights, origin);
      return this.insert(catalog, operator, minutes, origin);
    });
    if (outcome instanceof SignInError) throw outcome; // what the transaction has changed stays
    return outcome;
  }

  /** Does nothing where the session has ended, or the token is none. */
  async end(token: string, origin: Origin): Promise<void> {
    const parts = parseSessionToken(token);
    if (!parts) return;
    await this.catalog.transaction(async (catalog) => {
      const session = await catalog.findOne(OperatorSessionEntity, {
        where: { id: parts.keyId, endedAt: IsNull() },
        lock: { mode: 'pessimistic_write' },
      });
      if (!session || !verifySecret(parts.secret, session.secretHash)) return;
      await catalog.update(OperatorSessionEntity, session.id, { endedAt: () => 'now()' });
      const operator = await catalog.findOneByOrFail(OperatorEntity, { id: session.operatorId });
      await this.record(catalog, operator, 'operator.sign-out', origin, { after: { session: session.id } });
    });
  }

  /** Ends all sessions of the operator. @returns how many were open */
  async endAll(catalog: EntityManager, operatorId: string): Promise<number> {
    const { affected } = await catalog
      .createQueryBuilder()
      .update(OperatorSessionEntity)
      .set({ endedAt: () => 'now()' })
      .where('operator_id = :operatorId AND ended_at IS NULL AND expires_at > now()', { operatorId })
      .execute();
    return affected ?? 0;
  }

  private async withoutRole(
    catalog: EntityManager,
    known: OperatorEntity | null,
    origin: Origin,
  ): Promise<SignInError> {
    if (known) {
      const ended = await this.endAll(catalog, known.id);
      await endImpersonations(catalog, known.id, this.audit, actorOf(known, origin));
      if (ended > 0) {
        await this.record(catalog, known, 'operator.end-sessions', origin, { after: { sessions: ended } });
      }
    }
    return new SignInError('OIDC_NO_ROLE');
  }

  private async create(
    catalog: EntityManager,
    { issuer, subject, name: given }: ProviderIdentity,
    rights: ProviderRights,
    origin: Origin,
  ): Promise<OperatorEntity> {
    const name = operatorName.safeParse(given?.toLowerCase());
    if (!name.success) throw new SignInError('OIDC_NAME_UNUSABLE');
    const id = randomUUID();
    const operator = { id, name: name.data, role: rights.role, ...limitsOf(rights), issuer, subject };
    const taken = { operators_by_name: () => new SignInError('OIDC_NAME_TAKEN') };
    await withConstraintErrors(taken, () => catalog.insert(OperatorEntity, operator));
    await this.record(catalog, operator, 'operator.create', origin, { after: { ...shown(operator), issuer } });
    return catalog.findOneByOrFail(OperatorEntity, { id });
  }

  private async adjust(
    catalog: EntityManager,
    operator: OperatorEntity,
    rights: ProviderRights,
    origin: Origin,
  ): Promise<OperatorEntity> {
    const now = { ...operator, role: rights.role, ...limitsOf(rights) };
    const change = { before: shown(operator), after: shown(now) };
    if (JSON.stringify(change.before) === JSON.stringify(change.after)) return operator;
    await catalog.update(OperatorEntity, operator.id, { role: rights.role, ...limitsOf(rights) });
    await endOutOfReach(catalog, operator.id, this.audit, actorOf(operator, origin));
    await this.record(catalog, operator, 'operator.change', origin, change);
    return now;
  }

  private async insert(
    catalog: EntityManager,
    operator: OperatorEntity,
    minutes: number,
    origin: Origin,
  ): Promise<string> {
    const { keyId: id, token, secretHash } = newBearerKey('ses');
    const expiresAt = (): string => `now() + make_interval(mins => ${minutes})`; // the catalog's clock decides about it
    await catalog.insert(OperatorSessionEntity, { id, operatorId: operator.id, secretHash, expiresAt });
    await catalog.query(END_OLDEST, [operator.id]);
    await catalog.query(FORGET);
    await this.record(catalog, operator, 'operator.sign-in', origin, {
      after: { session: id, minutes, ...shown(operator) },
    });
    return token;
  }

  private record(
    catalog: EntityManager,
    operator: Pick<OperatorEntity, 'id' | 'name'>,
    action: string,
    origin: Origin,
    change: { readonly before?: object; readonly after?: object },
  ): Promise<void> {
    const subject = { subjectKind: 'operator', subjectId: operator.id, subject: operator.name } as const;
    return this.audit.record(catalog, { actor: actorOf(operator, origin), action, ...subject, ...change });
  }
}

function actorOf({ id, name }: Pick<OperatorEntity, 'id' | 'name'>, origin: Origin): Actor {
  return { ...origin, id, name };
}

function limitsOf({ groups }: ProviderRights): Pick<OperatorEntity, 'tenantIds' | 'groups'> {
  return groups ? { tenantIds: [], groups: [...groups] } : { tenantIds: null, groups: null };
}

function shown({ role, groups }: Pick<OperatorEntity, 'role' | 'groups'>): object {
  return { role, groups };
}

import { hash } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import type { ProviderIdentity } from '../../../admin/operators/provider-identity.js';
import { type SignInCode, SignInError } from '../../../admin/operators/sign-in.errors.js';
import { AuditLog } from '../../../catalog/audit/audit-log.js';
import { CATALOG } from '../../../catalog/catalog-data-source.js';
import { Shutdown } from '../../../platform/shutdown/shutdown.js';
import { escapeUnprintable } from '../../../platform/unprintable.js';
import { AddressBackoff } from '../../../tenant/admin-key/address-backoff.js';
import { AttemptWindows } from '../../../tenant/admin-key/attempt-windows.js';
import type { AttemptOrigin } from '../../../tenant/admin-key/refused-attempts.js';

/** Persons with entries of their own per minute. */
const MAX_PERSONS = 1_000;
const SHOWN_CAUSE = 300;
/** Failures of the provider, and of this instance: no attempt of the caller. */
const NO_ATTEMPTS: ReadonlySet<SignInCode> = new Set(['OIDC_UNAVAILABLE', 'OIDC_BUSY', 'RATE_LIMITED']);

interface Refusal extends AttemptOrigin {
  readonly code: SignInCode;
  readonly identity: ProviderIdentity;
}

/**
 * What happens to sign-ins that fail: each is logged, slows down its address as wrong keys do, and is in the audit log where the
 * provider has named a person.
 */
@Injectable()
export class SignInRefusals {
  private readonly logger = new Logger('SignIn');
  private readonly backoff = new AddressBackoff();
  private readonly windows = new AttemptWindows<Refusal>(MAX_PERSONS, (last, times) => this.write(last, times));

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly audit: AuditLog,
    shutdown: Shutdown,
  ) {
    shutdown.add('write refused attempts', () => this.windows.writeAll());
  }

  /** @throws SignInError (RATE_LIMITED) while the address is closed */
  requireOpen({ address }: AttemptOrigin): void {
    const remainingMs = this.backoff.remainingMs(address);
    if (remainingMs <= 0) return;
    throw new SignInError('RATE_LIMITED', { retryAfterSeconds: Math.ceil(remainingMs / 1_000) });
  }

  /** @param attempt what was tried: the same again is no further failure */
  record(error: SignInError, origin: AttemptOrigin, attempt: string, identity: ProviderIdentity | undefined): void {
    const { code } = error;
    const cause = error.cause === undefined ? '' : `: ${shownCause(error.cause)}`;
    this.logger.warn(`a sign-in from ${origin.address} has failed with ${code} (request ${origin.requestId})${cause}`);
    if (identity) {
      const { address, requestId } = origin;
      this.windows.record(`${code} ${identity.subject}`, { code, identity, address, requestId }, true);
    } else if (!NO_ATTEMPTS.has(code)) this.backoff.failed(origin.address, hash('sha256', attempt));
  }

  private async write({ code, identity, address, requestId }: Refusal, refusedAttempts: number): Promise<void> {
    const { issuer, subject, name } = identity;
    try {
      await this.audit.record(this.catalog.manager, {
        actor: { name: 'unidentified', address, requestId },
        action: 'operator.sign-in-refused',
        subjectKind: 'operator',
        subjectId: subject,
        subject: name ?? subject,
        refusedAttempts,
        after: { code, issuer },
      });
    } catch (error) {
      this.logger.warn(`the refused sign-in is not in the audit log: ${String(error)}`);
    }
  }
}

/** An answer's `error` may be anything that a caller has sent. */
function shownCause(cause: unknown): string {
  const { message, code, error } = cause as { message?: unknown; code?: unknown; error?: unknown };
  const parts = [message, code, error].filter((part) => typeof part === 'string');
  return escapeUnprintable(parts.join(', ').slice(0, SHOWN_CAUSE));
}

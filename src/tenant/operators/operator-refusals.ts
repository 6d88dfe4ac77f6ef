import { Inject, Injectable, Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { Operator } from '../../catalog/model/operator.js';
import { Shutdown } from '../../platform/shutdown/shutdown.js';
import { AttemptWindows } from '../admin-key/attempt-windows.js';
import type { AttemptOrigin } from '../admin-key/refused-attempts.js';

/** Routes and operators with entries of their own per minute. */
const MAX_KINDS = 1_000;
const OTHERS = 'other operators';
/** Characters of a tenant's name as the caller has given it: those of an id. */
const MAX_TENANT = 36;

/** What an operator asks for. */
export interface OperatorCall extends AttemptOrigin {
  readonly method: string;
  /** The route's pattern. */
  readonly route: string;
  /** The route's parameter `slug`. */
  readonly tenant: string | undefined;
}

interface Refusal {
  readonly operator: Operator;
  readonly call: OperatorCall;
}

/**
 * Writes what operators were refused to the audit log: the first refusal of a route at once, those that follow within a minute
 * together.
 */
@Injectable()
export class OperatorRefusals {
  private readonly logger = new Logger('Operators');
  private readonly windows = new AttemptWindows<Refusal>(MAX_KINDS, (last, times, isOthers) =>
    this.write(isOthers ? { ...last, operator: { ...last.operator, id: null, name: OTHERS } } : last, times),
  );

  constructor(
    @Inject(CATALOG) private readonly catalog: Pick<DataSource, 'manager'>,
    private readonly audit: AuditLog,
    shutdown: Shutdown = new Shutdown(),
  ) {
    shutdown.add('write refused attempts', () => this.windows.writeAll());
  }

  record(operator: Operator, call: OperatorCall): void {
    this.windows.record(`${operator.id} ${call.method} ${call.route}`, { operator, call }, true);
  }

  private async write({ operator, call }: Refusal, refusedAttempts: number): Promise<void> {
    const { method, route, tenant, address, requestId } = call;
    const { id, name } = operator;
    try {
      await this.audit.record(this.catalog.manager, {
        actor: { name, ...(id !== null && { id }), address, requestId },
        action: 'operator.refused',
        subjectKind: 'operator',
        subjectId: id ?? name,
        subject: name,
        refusedAttempts,
        after: { method, route, ...(tenant !== undefined && { tenant: tenant.slice(0, MAX_TENANT) }) },
      });
    } catch (error) {
      this.logger.warn(`the refusals are not in the audit log: ${String(error)}`);
    }
  }
}

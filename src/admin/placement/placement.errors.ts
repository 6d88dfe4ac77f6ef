import { PublicError } from '../../platform/errors/public-error.js';
import { type Labels, lackingLabels } from '../../catalog/model/labels.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { type Consideration, type Exclusion, EXCLUSIONS } from './server-choice.js';

const REASONS: Readonly<Record<Exclusion, (count: number) => string>> = {
  source: (count) => `${count} ${count === 1 ? 'is' : 'are'} where the tenant is`,
  draining: (count) => `${count} ${count === 1 ? 'is' : 'are'} draining`,
  labels: (count) => `${count} ${count === 1 ? 'lacks' : 'lack'} the labels`,
  rights: (count) => `${count} ${count === 1 ? 'has' : 'have'} an owner without the rights`,
  tenants: (count) => `${count} ${count === 1 ? 'has' : 'have'} as many tenants as allowed`,
  bytes: (count) => `${count} ${count === 1 ? 'has' : 'have'} as many bytes stored as allowed`,
};

/** Raised when no server can have a tenant. Nothing was created. */
export class NoServerWithRoomError extends PublicError {
  private constructor(message: string) {
    super('NO_SERVER_WITH_ROOM', message);
  }

  /** None of all servers. */
  static among(considered: readonly Consideration[]): NoServerWithRoomError {
    const reasons = EXCLUSIONS.flatMap((reason) => {
      const count = considered.filter(({ excludedBy }) => excludedBy === reason).length;
      return count === 0 ? [] : [REASONS[reason](count)];
    });
    return new NoServerWithRoomError(
      `no server has room for the tenant: of ${considered.length}, ${reasons.join(', ')}`,
    );
  }

  /** The one that was asked for. */
  static named(reason: 'tenants' | 'bytes', have: number, most: number): NoServerWithRoomError {
    const what = reason === 'tenants' ? 'tenants' : 'bytes stored';
    return new NoServerWithRoomError(`the server has no room for the tenant: ${have} of at most ${most} ${what}`);
  }
}

/** Of a tenant that is to be placed on a draining server. */
export function drainingRefusal({ name }: { readonly name: string }): ConflictError {
  return new ConflictError(`the server ${name} is draining: it accepts no tenants`);
}

/** Of a tenant that wants other labels; undefined when the server has them. */
export function labelsRefusal(
  { name, labels }: { readonly name: string; readonly labels: Labels },
  wanted: Labels,
): ConflictError | undefined {
  const lacking = lackingLabels(wanted, labels).join(', ');
  return lacking === '' ? undefined : new ConflictError(`the server ${name} lacks ${lacking}, which the tenant wants`);
}

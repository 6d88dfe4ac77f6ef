import type { OperatorRole, TenantSelection } from '../../catalog/model/operator.js';

/** What an operator may do by the claims of the OpenID provider. */
export interface ProviderRights {
  readonly role: OperatorRole;
  /** Undefined: not limited. */
  readonly groups: TenantSelection['groups'] | undefined;
}

/** A person whom the OpenID provider has identified. */
export interface ProviderIdentity {
  readonly issuer: string;
  /** The person's id there, which alone never changes. Source: OpenID Connect Core §5.7. */
  readonly subject: string;
  /** As the provider has it; undefined without the claim. */
  readonly name: string | undefined;
  /** Undefined: none, so that the person is no operator, or not any more. */
  readonly rights: ProviderRights | undefined;
}

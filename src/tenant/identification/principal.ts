/** The caller of a request with a tenant's API key. */
export interface ApiKeyPrincipal {
  readonly kind: 'api-key';
  /** The public part of the key: `tnt_<keyId>_…`. */
  readonly keyId: string;
  /** The name of the operator who works as the tenant with a key of minutes; absent for the tenant's own keys. */
  readonly impersonatedBy?: string;
}

/** The caller of a request with a JSON Web Token. */
export interface JwtPrincipal {
  readonly kind: 'jwt';
  /** The verified payload: `sub`, roles, and whatever else the issuer put into it. Source: RFC 7519 §4. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Who a caller is, when no resolver of the application decides. */
export type CredentialPrincipal = ApiKeyPrincipal | JwtPrincipal;

import { CodedError } from '../../../platform/errors/coded-error.js';

/** Raised at start when `OIDC_ISSUER` is set, and the package that it takes is not installed. */
export class SignInPackageMissingError extends CodedError {
  readonly code = 'OIDC_PACKAGE_MISSING';

  constructor() {
    super('OIDC_ISSUER is set, and the package openid-client is not installed: install it, or unset OIDC_ISSUER');
  }
}

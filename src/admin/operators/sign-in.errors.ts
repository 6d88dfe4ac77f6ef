import { CodedError, type CodedErrorOptions } from '../../platform/errors/coded-error.js';

/** HTTP status of each reason why a sign-in fails, and what the person is shown. Nothing of it is the provider's text. */
const REASONS = {
  OIDC_DENIED: [403, 'The sign-in was cancelled, or the provider has denied it.'],
  OIDC_NO_ROLE: [403, 'Your account has no role here. Ask an administrator for one, and sign in again.'],
  OIDC_REVOKED: [403, 'You were revoked as an operator. An administrator can readmit you.'],
  OIDC_NAME_UNUSABLE: [403, 'Your account has no name that an operator can have: a-z, 0-9 and . _ @ -, up to 63.'],
  OIDC_NAME_TAKEN: [409, 'Another operator has the name of your account. An administrator can revoke that operator.'],
  OIDC_STATE_MISMATCH: [400, 'This answer belongs to no sign-in of this browser. Start again.'],
  OIDC_EXPIRED: [400, 'The sign-in took too long. Start again.'],
  OIDC_CODE_REFUSED: [400, 'The provider does not accept the answer: it was used already, or is too old. Start again.'],
  OIDC_NONCE_MISMATCH: [400, "The provider's answer belongs to another sign-in. Start again."],
  OIDC_TOKEN_EXPIRED: [400, "The provider's answer has expired. Start again; if it persists, a clock is wrong."],
  OIDC_TOKEN_INVALID: [502, "The provider's answer is not valid. The log says why."],
  OIDC_PROVIDER_ERROR: [502, 'The provider answered with an error. The log says which.'],
  OIDC_UNAVAILABLE: [503, 'The provider does not answer. Try again in a moment, or use a key.'],
  OIDC_BUSY: [503, 'Too many sign-ins at once. Try again in a moment.'],
  RATE_LIMITED: [429, 'Too many failed sign-ins from this address. Try again later.'],
} as const;

export type SignInCode = keyof typeof REASONS;

/** Raised when a person is not signed in through the OpenID provider. The cause is for the log alone. */
export class SignInError extends CodedError {
  readonly status: number;

  constructor(
    readonly code: SignInCode,
    options: Pick<CodedErrorOptions, 'cause' | 'retryAfterSeconds'> = {},
  ) {
    const [status, message] = REASONS[code];
    super(message, options);
    this.status = status;
  }
}

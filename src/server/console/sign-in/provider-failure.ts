import { type SignInCode, SignInError } from '../../../admin/operators/sign-in.errors.js';

/** What openid-client's errors, and those of `fetch`, have. */
interface Failure {
  readonly name?: unknown;
  readonly code?: unknown;
  /** Source: RFC 6749 §4.1.2.1 and §5.2. */
  readonly error?: unknown;
  readonly status?: unknown;
  readonly claim?: unknown;
  readonly cause?: unknown;
}

/** Causes of an error that are followed. */
const MAX_CAUSES = 5;
const LATE: ReadonlySet<unknown> = new Set(['TimeoutError', 'AbortError', 'DeadlineError']);
/** Answers of a provider at which the person has not signed in, or has not agreed. Source: OpenID Connect Core §3.1.2.6. */
const DENIALS: ReadonlySet<unknown> = new Set([
  ...['access_denied', 'login_required', 'consent_required', 'interaction_required', 'account_selection_required'],
]);

/** The reason why a call to the provider, or the check of its answer, has failed. */
export function signInErrorOf(error: unknown): SignInError {
  if (error instanceof SignInError) return error;
  const causes = causesOf(error);
  return new SignInError(isAway(causes) ? 'OIDC_UNAVAILABLE' : codeOf(causes), { cause: error });
}

/** By their names, because errors of `fetch` may be of another realm. One that cannot connect is a TypeError with a cause. */
function isAway(causes: readonly Failure[]): boolean {
  return causes.some(
    ({ name, code, status, cause }) =>
      LATE.has(name) ||
      code === 'OAUTH_TIMEOUT' ||
      (name === 'TypeError' && cause !== undefined) ||
      (typeof status === 'number' && status >= 500),
  );
}

function codeOf(causes: readonly Failure[]): SignInCode {
  const [failure = {}] = causes;
  switch (failure.code) {
    case 'OAUTH_AUTHORIZATION_RESPONSE_ERROR':
      return DENIALS.has(failure.error) ? 'OIDC_DENIED' : 'OIDC_PROVIDER_ERROR';
    case 'OAUTH_RESPONSE_BODY_ERROR':
      return failure.error === 'invalid_grant' ? 'OIDC_CODE_REFUSED' : 'OIDC_PROVIDER_ERROR';
    case 'OAUTH_RESPONSE_IS_NOT_CONFORM':
    case 'OAUTH_RESPONSE_IS_NOT_JSON':
    case 'OAUTH_WWW_AUTHENTICATE_CHALLENGE':
      return 'OIDC_PROVIDER_ERROR';
    case 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED':
      return 'OIDC_TOKEN_EXPIRED';
    case 'OAUTH_JWT_CLAIM_COMPARISON_FAILED':
      return causes.some(({ claim }) => claim === 'nonce') ? 'OIDC_NONCE_MISMATCH' : 'OIDC_TOKEN_INVALID';
    default:
      return 'OIDC_TOKEN_INVALID';
  }
}

/** The error itself first. */
function causesOf(error: unknown): Failure[] {
  const causes: Failure[] = [];
  for (let next = error; typeof next === 'object' && next !== null && causes.length < MAX_CAUSES;) {
    causes.push(next);
    next = (next as Failure).cause;
  }
  return causes;
}

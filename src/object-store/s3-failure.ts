import { isCodedError } from '../platform/errors/coded-error.js';
import { StoreRefusedError, StoreUnavailableError } from './object-store.errors.js';

/** What the SDK's errors have; their messages are left out, because they name access keys and quote requests. */
interface SdkError {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** Throttling; a clock that is off is not among them. */
const PASSING = new Set(['SlowDown', 'ThrottlingException', 'RequestTimeout', 'RequestTimeoutException']);

/** The error that a failure of the SDK means for the store. It has no `cause`: the SDK's errors carry credentials. */
export function s3Failure(location: string, error: unknown): unknown {
  if (isCodedError(error) || !(typeof error === 'object' && error !== null)) return error;
  const { name, code, message, $metadata } = error as SdkError;
  const status = $metadata?.httpStatusCode;
  if (name === 'CredentialsProviderError' || message === 'Resolved credential object is not valid') {
    return new StoreRefusedError(location, 'the AWS SDK finds no credentials, such as AWS_ACCESS_KEY_ID');
  }
  if (message === 'Region is missing') return new StoreRefusedError(location, 'AWS_REGION is not set');
  if (status === undefined) return new StoreUnavailableError(location, code ?? name ?? 'unknown reason');
  const reason = `${name ?? 'unknown reason'} (HTTP ${status})`;
  const passes = status >= 500 || status === 429 || status === 200 || PASSING.has(name ?? '');
  return passes ? new StoreUnavailableError(location, reason) : new StoreRefusedError(location, reason);
}

/** Whether the SDK says that the object does not exist; a missing bucket is a refusal. */
export function isMissingObject(error: unknown): boolean {
  const { name, $metadata } = (error ?? {}) as SdkError;
  return name === 'NoSuchKey' || (name === 'NotFound' && $metadata?.httpStatusCode === 404);
}

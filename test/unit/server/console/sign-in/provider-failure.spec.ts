import { expect, it } from '@jest/globals';
import { SignInError } from '../../../../../src/admin/operators/sign-in.errors.js';
import { signInErrorOf } from '../../../../../src/server/console/sign-in/provider-failure.js';

const failure = (fields: object, cause?: unknown) => Object.assign(new Error('failed', { cause }), fields);

it.each<[string, unknown]>([
  ['OIDC_DENIED', failure({ code: 'OAUTH_AUTHORIZATION_RESPONSE_ERROR', error: 'access_denied' })],
  ['OIDC_DENIED', failure({ code: 'OAUTH_AUTHORIZATION_RESPONSE_ERROR', error: 'login_required' })],
  ['OIDC_PROVIDER_ERROR', failure({ code: 'OAUTH_AUTHORIZATION_RESPONSE_ERROR', error: 'invalid_scope' })],
  ['OIDC_CODE_REFUSED', failure({ code: 'OAUTH_RESPONSE_BODY_ERROR', error: 'invalid_grant', status: 400 })],
  ['OIDC_PROVIDER_ERROR', failure({ code: 'OAUTH_RESPONSE_BODY_ERROR', error: 'invalid_client', status: 401 })],
  ['OIDC_UNAVAILABLE', failure({ code: 'OAUTH_RESPONSE_BODY_ERROR', error: 'server_error', status: 503 })],
  ['OIDC_UNAVAILABLE', failure({ code: 'OAUTH_RESPONSE_IS_NOT_CONFORM' }, { status: 502 })],
  ['OIDC_PROVIDER_ERROR', failure({ code: 'OAUTH_RESPONSE_IS_NOT_CONFORM' }, { status: 404 })],
  ['OIDC_UNAVAILABLE', failure({ code: 'OAUTH_TIMEOUT' })],
  ['OIDC_UNAVAILABLE', failure({}, failure({ name: 'TimeoutError' }))],
  ['OIDC_UNAVAILABLE', failure({ name: 'TypeError' }, failure({ code: 'ECONNREFUSED' }))],
  ['OIDC_NONCE_MISMATCH', failure({ code: 'OAUTH_JWT_CLAIM_COMPARISON_FAILED' }, failure({}, { claim: 'nonce' }))],
  ['OIDC_TOKEN_INVALID', failure({ code: 'OAUTH_JWT_CLAIM_COMPARISON_FAILED' }, failure({}, { claim: 'aud' }))],
  ['OIDC_TOKEN_EXPIRED', failure({ code: 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED' })],
  ['OIDC_TOKEN_INVALID', failure({ code: 'OAUTH_KEY_SELECTION_FAILED' })],
  ['OIDC_BUSY', new SignInError('OIDC_BUSY')],
  ['OIDC_TOKEN_INVALID', 'a text'],
])('%s', (code, error) => {
  expect(signInErrorOf(error)).toMatchObject({ code });
});

it('ends where a cause is its own', () => {
  const error = failure({});
  error.cause = error;
  expect(signInErrorOf(error).code).toBe('OIDC_TOKEN_INVALID');
});

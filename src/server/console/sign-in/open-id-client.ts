import type * as openIdClient from 'openid-client';
import { isNotInstalled } from '../../../platform/not-installed.js';
import { SignInPackageMissingError } from './sign-in.errors.js';

export type OpenIdClient = typeof openIdClient;

/** Loaded only where `OIDC_ISSUER` is set. @throws SignInPackageMissingError */
export async function loadOpenIdClient(
  load: () => Promise<OpenIdClient> = () => import('openid-client'),
): Promise<OpenIdClient> {
  try {
    return await load();
  } catch (error) {
    if (isNotInstalled(error)) throw new SignInPackageMissingError();
    throw error;
  }
}

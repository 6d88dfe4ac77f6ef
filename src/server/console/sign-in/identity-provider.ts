import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Configuration } from 'openid-client';
import type { ProviderIdentity } from '../../../admin/operators/provider-identity.js';
import { SignInError } from '../../../admin/operators/sign-in.errors.js';
import { APP_CONFIG, type AppConfig, type OidcConfig } from '../../../platform/config/app-config.js';
import { withDeadline } from '../../../platform/timeout.js';
import { claimOf, identityOf } from './identity-of-claims.js';
import { loadOpenIdClient, type OpenIdClient } from './open-id-client.js';
import { signInErrorOf } from './provider-failure.js';
import type { SignInFlow } from './sign-in-flow.js';

/** Where the provider sends the browser back to, below the public address. */
const CALLBACK_PATH = '/console/sign-in/callback';

const REQUEST_SECONDS = 5;
/** Of all requests that one step takes. */
const STEP_MS = 15_000;
/** Answers that are exchanged at once: each holds requests to the provider. */
const MAX_EXCHANGES = 20;
/** The provider's metadata and keys are read again after this. Keys that are missing are looked for at once. */
const METADATA_MS = 3_600_000;

/** The OpenID provider: authorization code flow with PKCE. Source: OpenID Connect Core §3.1, RFC 7636, RFC 9207. */
@Injectable()
export class IdentityProvider implements OnModuleInit {
  private client!: OpenIdClient;
  private metadata: { readonly known: Promise<Configuration>; readonly atMs: number } | undefined;
  private exchanges = 0;
  private readonly oidc: OidcConfig;

  constructor(@Inject(APP_CONFIG) { security }: AppConfig) {
    this.oidc = security.oidc!; // the module is there only with it
  }

  /** The provider itself is asked at the first sign-in: the start must not depend on it. @throws SignInPackageMissingError */
  async onModuleInit(): Promise<void> {
    this.client = await loadOpenIdClient();
  }

  /** A new attempt to sign in, and the address at the provider where it continues. @throws SignInError */
  async begin(): Promise<{ readonly flow: SignInFlow; readonly address: string }> {
    const { client, oidc } = this;
    const flow = {
      state: client.randomState(),
      nonce: client.randomNonce(),
      verifier: client.randomPKCECodeVerifier(),
    };
    const address = client.buildAuthorizationUrl(await this.configuration(), {
      redirect_uri: this.callback,
      scope: oidc.scope,
      state: flow.state,
      nonce: flow.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(flow.verifier),
      code_challenge_method: 'S256',
    });
    return { flow, address: address.href };
  }

  /** @param query of the provider's answer @throws SignInError */
  async finish(query: string, flow: SignInFlow): Promise<ProviderIdentity> {
    if (this.exchanges >= MAX_EXCHANGES) throw new SignInError('OIDC_BUSY', { retryAfterSeconds: 2 });
    this.exchanges += 1;
    try {
      const configuration = await this.configuration();
      return await withDeadline(this.exchange(configuration, query, flow), STEP_MS);
    } catch (error) {
      throw signInErrorOf(error);
    } finally {
      this.exchanges -= 1;
    }
  }

  private async exchange(configuration: Configuration, query: string, flow: SignInFlow): Promise<ProviderIdentity> {
    const { client, oidc } = this;
    const answer = new URL(`${this.callback}${query}`);
    const tokens = await client.authorizationCodeGrant(configuration, answer, {
      pkceCodeVerifier: flow.verifier,
      expectedState: flow.state,
      expectedNonce: flow.nonce,
      idTokenExpected: true,
    });
    const claims = tokens.claims()!; // there is an ID token
    // Some providers tell roles and names to the user info endpoint alone.
    const isComplete = [oidc.rolesClaim, oidc.nameClaim].every((name) => claimOf(claims, name) !== undefined);
    if (isComplete || configuration.serverMetadata().userinfo_endpoint === undefined) return identityOf(claims, oidc);
    const info = await client.fetchUserInfo(configuration, tokens.access_token, claims.sub);
    return identityOf({ ...info, ...claims }, oidc);
  }

  private get callback(): string {
    return `${this.oidc.publicOrigin}${CALLBACK_PATH}`;
  }

  /** One discovery for all that wait for it. @throws SignInError */
  private async configuration(): Promise<Configuration> {
    const now = performance.now();
    if (!this.metadata || now - this.metadata.atMs > METADATA_MS) {
      this.metadata = { known: withDeadline(this.discover(), STEP_MS), atMs: now };
    }
    const { metadata } = this;
    try {
      return await metadata.known;
    } catch (error) {
      if (this.metadata === metadata) this.metadata = undefined;
      throw signInErrorOf(error);
    }
  }

  private discover(): Promise<Configuration> {
    const { client } = this;
    const { issuer, clientId } = this.oidc;
    const address = new URL(issuer);
    return client.discovery(address, clientId, undefined, this.authentication(), {
      timeout: REQUEST_SECONDS,
      execute: [
        client.enableNonRepudiationChecks, // the ID token's signature is checked, however it came here
        ...(address.protocol === 'http:' ? [client.allowInsecureRequests] : []), // of this machine only
      ],
    });
  }

  /** As the provider prefers; its metadata leave the default out. Source: OpenID Connect Discovery §3. */
  private authentication(): ReturnType<OpenIdClient['None']> {
    const { client } = this;
    const { clientSecret } = this.oidc;
    if (clientSecret === undefined) return client.None();
    return (server, ...rest) => {
      const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
      const byHeader = methods.includes('client_secret_basic');
      (byHeader ? client.ClientSecretBasic(clientSecret) : client.ClientSecretPost(clientSecret))(server, ...rest);
    };
  }
}

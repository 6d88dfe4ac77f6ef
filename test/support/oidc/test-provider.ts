import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
// @ts-expect-error The package has no types of its own.
import { Provider } from 'oidc-provider';

/** What the provider says about an account besides its id. */
export type AccountClaims = Readonly<Record<string, unknown>>;

const SECRET = 'secret-of-the-test-client-at-the-provider';

/** A real OpenID provider on a free port. Its sign-in takes any password. */
export class TestProvider {
  /** By their ids, which are the names to sign in with. */
  readonly accounts = new Map<string, AccountClaims>();
  /** Seconds that an ID token is valid. */
  idTokenSeconds = 3_600;

  private constructor(
    readonly issuer: string,
    private readonly server: Server,
    readonly publicUrl: string,
  ) {}

  /** @param publicUrl the application's */
  static async start(publicUrl: string): Promise<TestProvider> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const issuer = `http://localhost:${(server.address() as AddressInfo).port}`;
    const test = new TestProvider(issuer, server, publicUrl);
    const provider = withoutNotices(
      () =>
        new Provider(issuer, {
          clients: [
            {
              client_id: 'console',
              client_secret: SECRET,
              redirect_uris: [`${publicUrl}/console/sign-in/callback`],
              grant_types: ['authorization_code'],
              response_types: ['code'],
            },
          ],
          claims: { openid: ['sub'], email: ['email'], profile: ['groups'] },
          cookies: { keys: ['test'] },
          jwks: { keys: [generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })] },
          ttl: { AccessToken: 60, Grant: 60, Interaction: 60, Session: 60, IdToken: 3_600 },
          findAccount: (_context: unknown, id: string) => ({
            accountId: id,
            claims: () => ({ ...test.accounts.get(id), sub: id }),
          }),
        }),
    );
    provider.IdToken.expiresIn = () => test.idTokenSeconds; // its settings accept none that is in the past
    server.on('request', provider.callback());
    return test;
  }

  /** The application's settings. */
  get env(): Record<string, string> {
    return {
      PUBLIC_URL: this.publicUrl,
      OIDC_ISSUER: this.issuer,
      OIDC_CLIENT_ID: 'console',
      OIDC_CLIENT_SECRET: SECRET,
      OIDC_ROLES: 'staff=viewer,ops=operator,emea=operator@emea,chiefs=admin',
      OIDC_PROVIDER_NAME: 'Example',
    };
  }

  /** Afterwards nothing listens there. */
  async stop(): Promise<void> {
    if (!this.server.listening) return;
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}

/** It says at each start that its sign-in page, which takes any password, is for development only: so is this. */
function withoutNotices<T>(create: () => T): T {
  const { warn } = console;
  console.warn = () => undefined;
  try {
    return create();
  } finally {
    console.warn = warn;
  }
}

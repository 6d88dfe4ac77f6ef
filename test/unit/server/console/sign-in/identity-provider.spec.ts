import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { AppConfig } from '../../../../../src/platform/config/app-config.js';
import { IdentityProvider } from '../../../../../src/server/console/sign-in/identity-provider.js';

const FLOW = { state: 's', nonce: 'n', verifier: 'v' };
const ANSWER = '?code=c&state=s';

/** Takes requests and answers none. */
let silent: Server;
let provider: IdentityProvider;

beforeAll(async () => {
  silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const issuer = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const oidc = { issuer, clientId: 'console', clientSecret: 'x', publicOrigin: 'http://127.0.0.1:1', scope: 'openid' };
  provider = new IdentityProvider({ security: { oidc } } as unknown as AppConfig);
  await provider.onModuleInit();
});

afterAll(() => void silent.close());

it('a sign-in is refused at once while twenty others wait for the provider, and no longer', async () => {
  const waiting = Array.from({ length: 20 }, () => provider.finish(ANSWER, FLOW));
  const ended = Promise.allSettled(waiting);
  await expect(provider.finish(ANSWER, FLOW)).rejects.toMatchObject({ code: 'OIDC_BUSY', retryAfterSeconds: 2 });
  silent.closeAllConnections();
  await new Promise((resolve) => setImmediate(resolve));
  silent.on('connection', (socket) => socket.destroy());
  silent.closeAllConnections();
  const codes = (await ended).map((end) => (end.status === 'rejected' ? (end.reason as { code: string }).code : 'ok'));
  expect(codes).toEqual(Array(20).fill('OIDC_UNAVAILABLE'));
  await expect(provider.finish(ANSWER, FLOW)).rejects.toMatchObject({ code: 'OIDC_UNAVAILABLE' });
});

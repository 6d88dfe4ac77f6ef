import { afterAll, beforeAll, expect } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { freePort } from '../../support/processes/free-port.js';
import { dropEverything } from '../../support/test-app.js';
import { Application } from './application.js';
import { describeGuide } from './guide.js';
import { SERVED } from './served.js';

let application: Application;
let database: TestDatabase;
let issuer: Server;
let token: string;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  application = await Application.of('examples/smallest');
  database = await createTestDatabase('guides');
  const port = String(await freePort());
  const keys = {
    ENCRYPTION_KEYS: `test:${Buffer.alloc(32, 1).toString('base64')}`,
  };
  env = {
    ...keys,
    DATABASE_URL: database.url,
    ENABLE_REDIS_CACHE: 'false',
    PORT: port,
  };
  const created =
    'npx tenantry tenants create acme --isolation row; npx tenantry tenants create globex --isolation row';
  await application.run(`npm run build; ${created}`, env);
  await startIssuer();
}, 300_000);

afterAll(async () => {
  issuer.close();
  await dropEverything(database);
  await application.remove();
});

/** An issuer of tokens with a key set, and a token of it for acme. */
async function startIssuer(): Promise<void> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const keySet = JSON.stringify({
    keys: [{ ...(await exportJWK(publicKey)), kid: '1', alg: 'ES256' }],
  });
  issuer = createServer((_, response) => response.end(keySet)).listen(0, '127.0.0.1');
  await once(issuer, 'listening');
  token = await new SignJWT({ org: 'acme' })
    .setProtectedHeader({ alg: 'ES256', kid: '1' })
    .setIssuer('https://issuer.example.com/')
    .setAudience('notes-api')
    .setExpirationTime('10m')
    .sign(privateKey);
}

const statusOf = (name: string, ...curl: readonly string[]): string =>
  `echo "${name}: $(curl --silent --output /dev/null --write-out '%{http_code}' ${curl.join(' ')} http://127.0.0.1:$PORT/notes)"\n`;

describeGuide(
  'docs/guides/identity.md',
  (block) => ({
    cwd: application.folder,
    env,
    replaced: [
      ['http://localhost:3000', `http://127.0.0.1:${env['PORT']}`],
      ['https://issuer.example.com/jwks.json', `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/jwks.json`],
    ],
    ...(block.text.includes('curl') && { first: SERVED }),
  }),
  {
    "KEY=$(npx tenantry keys create acme --name 'billing service' --expires-in-days 365)": {
      after: (output) => expect(output).toMatch(/^\[\][^]*billing service/m),
    },
    'JWT_JWKS_URL=https://issuer.example.com/jwks.json': {
      then: () => SERVED + statusOf('token', `-H 'Authorization: Bearer ${token}'`) + statusOf('none'),
      after: (output) => expect(output).toMatch(/token: 200\nnone: 401/),
    },
    'npx tenantry tenants set acme --domain notes.acme.example': {
      then: () =>
        `ACME=$(npx tenantry keys create acme); GLOBEX=$(npx tenantry keys create globex); . ./.env\n${SERVED}` +
        statusOf('own domain', '-H "Authorization: Bearer $ACME" -H "Host: notes.acme.example"') +
        statusOf('other domain', '-H "Authorization: Bearer $GLOBEX" -H "Host: notes.acme.example"') +
        statusOf('own sub-domain', '-H "Authorization: Bearer $GLOBEX" -H "Host: globex.example.com"') +
        statusOf('other sub-domain', '-H "Authorization: Bearer $GLOBEX" -H "Host: acme.example.com"') +
        statusOf('other header', '-H "Authorization: Bearer $GLOBEX" -H "X-Tenant-ID: acme"'),
      after: (output) => {
        const statuses = output.match(/^(own|other) .*: \d+$/gm);
        expect(statuses).toEqual([
          'own domain: 200',
          'other domain: 403',
          'own sub-domain: 200',
          'other sub-domain: 403',
          'other header: 403',
        ]);
      },
    },
  },
);

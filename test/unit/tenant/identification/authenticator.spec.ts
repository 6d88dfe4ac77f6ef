import { beforeEach, describe, expect, it } from '@jest/globals';
import { newBearerKey } from '../../../../src/catalog/model/bearer-key.js';
import type { Operator, OperatorKeyRecord } from '../../../../src/catalog/model/operator.js';
import type { AppConfig } from '../../../../src/platform/config/app-config.js';
import { AdminKey } from '../../../../src/tenant/admin-key/admin-key.js';
import { Authenticator } from '../../../../src/tenant/identification/authenticator.js';
import type { Caller } from '../../../../src/tenant/identification/caller.js';

const ORIGIN = { address: '192.0.2.1', requestId: 'request' };
const NO_SELECTORS = { host: undefined, subdomain: undefined, header: undefined, path: undefined };
const anna = newBearerKey('adm');
const ANNA: Operator = { id: '6f1f6a3e', name: 'anna', role: 'viewer', limitedTo: undefined };

let keys: Map<string, OperatorKeyRecord>;
let adminKey: AdminKey;
let authenticator: Authenticator;

function start(adminApiKey = 'an-admin-key-of-some-length'): void {
  keys = new Map([[anna.keyId, { operator: ANNA, secretHash: anna.secretHash, isRevoked: false, isExpired: false }]]);
  const find = async (keyId: string) => keys.get(keyId) ?? null;
  const attempts = { record: () => undefined } as never;
  adminKey = new AdminKey({ security: { adminApiKey } } as AppConfig, attempts);
  const none = {} as never;
  authenticator = new Authenticator(adminKey, none, none, none, none, { find } as never, none);
}

const identify = async (token: string): Promise<Caller> =>
  authenticator.identify(`Bearer ${token}`, NO_SELECTORS, ORIGIN);
const identifyAgain = async (token: string): Promise<Caller> =>
  authenticator.identifyAgain(`Bearer ${token}`, NO_SELECTORS, ORIGIN);

async function guess(times: number): Promise<void> {
  for (let n = 0; n < times; n += 1) await identify(newBearerKey('adm').token);
}

beforeEach(() => start());

describe("an operator's key of an open response", () => {
  it('is found while its address is closed', async () => {
    await guess(10);
    expect(await identify(anna.token)).toMatchObject({ kind: 'refused', rejection: { code: 'RATE_LIMITED' } });
    expect(await identifyAgain(anna.token)).toEqual({ kind: 'operator', operator: ANNA });
  });

  it('is refused once it is revoked, which is no attempt that counts', async () => {
    keys.set(anna.keyId, { ...keys.get(anna.keyId)!, isRevoked: true });
    await guess(9);
    for (let n = 0; n < 20; n += 1) {
      expect(await identifyAgain(anna.token)).toMatchObject({
        kind: 'refused',
        rejection: { code: 'UNAUTHENTICATED' },
      });
    }
    expect(adminKey.refused).toEqual({ wrong: 9, delayed: 0 });
  });
});

describe("wrong operators' keys", () => {
  it.each(['an-admin-key-of-some-length', 'the.form.of-a-jwt', 'tnt_and_the_form_of_an_api_key'])(
    'close their address also where ADMIN_API_KEY is %s',
    async (adminApiKey) => {
      start(adminApiKey);
      await guess(10);
      expect(await identify(anna.token)).toMatchObject({ rejection: { code: 'RATE_LIMITED' } });
      expect(adminKey.refused).toEqual({ wrong: 10, delayed: 1 });
    },
  );

  it('close their address when one and the same is repeated a thousand times', async () => {
    const { token } = newBearerKey('adm');
    for (let n = 0; n < 1_000; n += 1) await identify(token);
    expect(adminKey.refused).toEqual({ wrong: 901, delayed: 99 });
  });

  it('are no attempt that counts where the key is right', async () => {
    start('the.form.of-a-jwt');
    for (let n = 0; n < 100; n += 1) expect((await identify(anna.token)).kind).toBe('operator');
    expect(adminKey.refused).toEqual({ wrong: 0, delayed: 0 });
  });
});

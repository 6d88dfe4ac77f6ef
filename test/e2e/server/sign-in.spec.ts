import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OperatorSessions } from '../../../src/admin/operators/operator-sessions.js';
import { HttpBrowser, type Page } from '../../support/oidc/http-browser.js';
import { SESSION_COOKIE, SignInRig } from '../../support/oidc/sign-in-rig.js';
import { soon } from '../../support/load/soon.js';
import { ADMIN_KEY, TestApp } from '../../support/test-app.js';

const ME = '/admin/v1/operators/me';
const OPERATORS = '/admin/v1/operators';
let rig: SignInRig;

beforeAll(async () => {
  rig = await SignInRig.start();
  await rig.app.provision('acme', 'row');
  await rig.admin.send('PATCH', '/tenants/acme', { body: { groups: ['emea'] } });
  await rig.app.provision('globex', 'row');
});

afterAll(async () => rig?.dispose());

async function signedIn(name: string, groups: unknown): Promise<HttpBrowser> {
  const browser = new HttpBrowser();
  const page = await rig.signIn(browser, rig.account(name, groups));
  expect([page.status, page.headers.get('location')]).toEqual([303, '/console']);
  return browser;
}

const statusOf = async (browser: HttpBrowser, path = ME) => (await rig.call(browser, path)).status;
const codeOf = ({ status, text }: Page) => [status, /<small>(\w+), request/.exec(text)?.[1]];

describe('signing in through the provider', () => {
  it('makes the person an operator with the role of a group, named in the audit log', async () => {
    const browser = await signedIn('anna', ['staff', 'ops', 17]);
    expect((await rig.call(browser, ME)).body).toMatchObject({
      ...{ name: 'anna@example.com', role: 'operator', limitedTo: null },
    });
    const headers = { 'x-request-id': 'of-anna', 'x-forwarded-for': browser.address };
    expect((await rig.call(browser, '/admin/v1/tenants/acme/suspend', { method: 'POST', headers })).status).toBe(200);
    await rig.call(browser, '/admin/v1/tenants/acme/resume', { method: 'POST' });
    expect(await statusOf(browser, OPERATORS)).toBe(403);
    const named = { actor: 'anna@example.com', address: browser.address };
    expect((await rig.entries('tenant.suspend'))[0]).toMatchObject({ ...named, requestId: 'of-anna' });
    expect((await rig.entries('operator.create'))[0]).toMatchObject({ ...named, after: { role: 'operator' } });
    expect((await rig.entries('operator.sign-in'))[0]).toMatchObject({ ...named, after: { minutes: 60 } });
  });

  it('asks with PKCE, state and nonce, and keeps cookies from scripts and from other sites', async () => {
    const browser = new HttpBrowser();
    const begun = await browser.get(
      `${rig.app.url}/console/sign-in?return=https://evil.test&redirect_uri=https://evil.test`,
    );
    const address = new URL(begun.headers.get('location')!);
    expect([begun.status, address.origin]).toEqual([303, rig.provider.issuer]);
    const query = Object.fromEntries(address.searchParams);
    expect(query).toMatchObject({
      response_type: 'code',
      code_challenge_method: 'S256',
      scope: 'openid profile email',
    });
    expect(query['redirect_uri']).toBe(`${rig.provider.publicUrl}/console/sign-in/callback`);
    for (const name of ['state', 'nonce', 'code_challenge']) expect(query[name]).toMatch(/^[\w-]{43}$/);
    expect(begun.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^tenantry-sign-in=[\w.-]+; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/),
    ]);
    const done = await rig.signIn(new HttpBrowser(), rig.account('berta', ['staff']));
    expect(done.headers.getSetCookie()).toEqual([
      'tenantry-sign-in=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax',
      expect.stringMatching(/^tenantry-session=ses_[\w-]+; Path=\/; Max-Age=3600; HttpOnly; SameSite=Strict$/),
    ]);
    for (const { headers } of [begun, done]) {
      expect([headers.get('cache-control'), headers.get('referrer-policy')]).toEqual([
        'private, no-store',
        'no-referrer',
      ]);
    }
  });

  it('limits the operator to the tenants of its groups', async () => {
    const browser = await signedIn('carla', 'emea');
    expect((await rig.call(browser, ME)).body.limitedTo).toEqual({ tenants: [], groups: ['emea'] });
    expect([
      await statusOf(browser, '/admin/v1/tenants/acme'),
      await statusOf(browser, '/admin/v1/tenants/globex'),
    ]).toEqual([200, 404]);
  });

  it('gives at each sign-in the role of then, and ends every session of a person who has none any more', async () => {
    const first = await signedIn('dora', ['chiefs']);
    expect(await statusOf(first, OPERATORS)).toBe(200);
    const second = await signedIn('dora', ['staff']);
    for (const browser of [first, second]) {
      expect([(await rig.call(browser, ME)).body.role, await statusOf(browser, OPERATORS)]).toEqual(['viewer', 403]);
    }
    expect((await rig.entries('operator.change'))[0]).toMatchObject({
      ...{ actor: 'dora@example.com', before: { role: 'admin' }, after: { role: 'viewer' } },
    });
    const refused = await rig.signIn(new HttpBrowser(), rig.account('dora', []));
    expect(codeOf(refused)).toEqual([403, 'OIDC_NO_ROLE']);
    expect([await statusOf(first), await statusOf(second)]).toEqual([401, 401]);
  });

  it.each([
    ['makes a viewer', ['staff'], 303],
    ['gives no role', [], 403],
  ])('ends impersonations where it %s', async (_what, groups, status) => {
    const browser = await signedIn('erika', ['chiefs']);
    const call = { method: 'POST', body: { reason: 'a ticket', minutes: 15 } };
    const { body } = await rig.call(browser, '/admin/v1/tenants/acme/impersonations', call);
    const asTenant = async () => (await rig.app.call('/api/v1/tenant', { apiKey: body.token })).status;
    expect(await asTenant()).toBe(200);
    expect((await rig.signIn(new HttpBrowser(), rig.account('erika', groups))).status).toBe(status);
    await soon(async () => expect(await asTenant()).toBe(401));
    const [operator] = await rig.app.database.admin(`SELECT id FROM operators WHERE name = 'erika@example.com'`);
    const ended = { actor: 'erika@example.com', actorId: operator!['id'], subjectId: body.keyId };
    expect((await rig.entries('api-key.revoke'))[0]).toMatchObject(ended);
  });

  it('makes no operator of a person without a role', async () => {
    const browser = new HttpBrowser();
    const refused = await rig.signIn(browser, rig.account('emil', ['others']));
    expect(codeOf(refused)).toEqual([403, 'OIDC_NO_ROLE']);
    expect(refused.headers.getSetCookie()).toHaveLength(1);
    expect(refused.headers.get('content-security-policy')).toContain("default-src 'none'");
    const { items } = (await rig.admin.get('/operators')).body;
    expect(items.map(({ name }: { name: string }) => name)).not.toContain('emil@example.com');
    await soon(async () => {
      expect((await rig.entries('operator.sign-in-refused'))[0]).toMatchObject({
        ...{ actor: 'unidentified', subject: 'emil@example.com', subjectId: 'emil', address: browser.address },
        ...{ after: { code: 'OIDC_NO_ROLE', issuer: rig.provider.issuer } },
      });
    });
  });

  it('never makes a person another operator, whatever its name is', async () => {
    await rig.admin.send('POST', '/operators', { body: { name: 'fritz@example.com', role: 'admin' } });
    const taken = await rig.signIn(new HttpBrowser(), rig.account('fritz', ['staff']));
    expect(codeOf(taken)).toEqual([409, 'OIDC_NAME_TAKEN']);
    for (const [id, email] of [
      ['greta', '<b>greta</b>'],
      ['hans', 'tenantry'],
      ['ida', 'admin key'],
    ] as const) {
      const page = await rig.signIn(new HttpBrowser(), rig.account(id, ['staff'], email));
      expect(codeOf(page)).toEqual([403, 'OIDC_NAME_UNUSABLE']);
      expect(page.text).not.toContain('<b>');
    }
    await signedIn('jana', ['staff']);
    const renamed = new HttpBrowser();
    await rig.signIn(renamed, rig.account('jana', ['staff'], 'boss@example.com'));
    expect((await rig.call(renamed, ME)).body.name).toBe('jana@example.com');
  });
});

describe('an answer of the provider is refused', () => {
  const hostile = (change: (address: URL) => void) => async (browser: HttpBrowser) =>
    browser.get(await rig.answerFor(browser, rig.account('mallory', ['chiefs']), change));

  it.each<[string, string, number, (browser: HttpBrowser) => Promise<Page>]>([
    [
      'which the person has denied',
      'OIDC_DENIED',
      403,
      async (browser) => {
        const begun = await browser.get(`${rig.app.url}/console/sign-in`);
        const login = await browser.follow(begun, '/console');
        return browser.get(await browser.follow(await browser.get(`${login}/abort`), '/console/sign-in/callback'));
      },
    ],
    [
      'with another state',
      'OIDC_STATE_MISMATCH',
      400,
      async (browser) => {
        const answer = new URL(await rig.answerFor(browser, rig.account('mallory', ['chiefs'])));
        answer.searchParams.set('state', 'x'.repeat(43));
        return browser.get(answer.href);
      },
    ],
    [
      'with two states',
      'OIDC_STATE_MISMATCH',
      400,
      async (browser) => {
        const answer = await rig.answerFor(browser, rig.account('mallory', ['chiefs']));
        return browser.get(`${answer}&state=x`);
      },
    ],
    [
      'in a browser that has begun no sign-in',
      'OIDC_STATE_MISMATCH',
      400,
      async (browser) => {
        const answer = await rig.answerFor(browser, rig.account('mallory', ['chiefs']));
        return new HttpBrowser().get(answer);
      },
    ],
    [
      'in a browser with an attempt of its own making',
      'OIDC_STATE_MISMATCH',
      400,
      async (browser) => {
        const answer = await rig.answerFor(browser, rig.account('mallory', ['chiefs']));
        const forged = Buffer.from(JSON.stringify({ state: new URL(answer).searchParams.get('state') }));
        browser.setCookie(rig.app.url, 'tenantry-sign-in', `test.${forged.toString('base64url')}`);
        return browser.get(answer);
      },
    ],
    [
      'whose code was used already',
      'OIDC_CODE_REFUSED',
      400,
      async (browser) => {
        const answer = await rig.answerFor(browser, rig.account('mallory', ['chiefs']));
        const attempt = browser.cookie(rig.app.url, 'tenantry-sign-in')!;
        expect((await browser.get(answer)).status).toBe(303);
        browser.setCookie(rig.app.url, 'tenantry-sign-in', attempt);
        return browser.get(answer);
      },
    ],
    [
      'with another nonce',
      'OIDC_NONCE_MISMATCH',
      400,
      hostile(({ searchParams }) => searchParams.set('nonce', 'other')),
    ],
    [
      'whose code was asked for with another challenge',
      'OIDC_CODE_REFUSED',
      400,
      hostile(({ searchParams }) => searchParams.set('code_challenge', 'x'.repeat(43))),
    ],
    [
      'that has expired',
      'OIDC_TOKEN_EXPIRED',
      400,
      async (browser) => {
        rig.provider.idTokenSeconds = -3_600;
        return rig
          .signIn(browser, rig.account('mallory', ['chiefs']))
          .finally(() => (rig.provider.idTokenSeconds = 3_600));
      },
    ],
    [
      'of another issuer',
      'OIDC_TOKEN_INVALID',
      502,
      async (browser) => {
        const answer = new URL(await rig.answerFor(browser, rig.account('mallory', ['chiefs'])));
        answer.searchParams.set('iss', 'https://evil.test');
        return browser.get(answer.href);
      },
    ],
  ])('%s: %s', async (_what, code, status, provoke) => {
    const browser = new HttpBrowser();
    const page = await provoke(browser);
    expect(codeOf(page)).toEqual([status, code]);
    expect(page.headers.getSetCookie().filter((cookie) => cookie.startsWith(SESSION_COOKIE))).toEqual([]);
    expect(page.text).not.toMatch(/mallory|evil|ses_|[\w-]{43}/);
  });
});

describe('a session', () => {
  it('is taken from requests of the console alone, and only where operators are', async () => {
    const browser = await signedIn('klara', ['chiefs']);
    const token = browser.cookie(rig.app.url, SESSION_COOKIE)!;
    const cookie = `${SESSION_COOKIE}=${token}`;
    const statusWith = async (headers: Record<string, string>) => (await rig.app.call(ME, { headers })).status;
    const own = { cookie, 'x-tenantry-console': '1' };
    expect(await statusWith({ ...own, 'sec-fetch-site': 'same-origin' })).toBe(200);
    expect(await statusWith({ cookie })).toBe(401);
    for (const site of ['cross-site', 'same-site', 'none']) {
      expect(await statusWith({ ...own, 'sec-fetch-site': site })).toBe(401);
    }
    expect(await statusWith({ ...own, cookie: `${cookie}; ${cookie}` })).toBe(401);
    expect((await rig.app.call(ME, { apiKey: token })).status).toBe(401);
    expect((await rig.app.call('/api/v1/orders', { headers: own })).status).toBe(403);
    const signOut = await rig.app.call('/console/sign-out', { method: 'POST', headers: { cookie } });
    expect([signOut.status, await statusOf(browser)]).toEqual([204, 200]); // without the header nothing has happened
  });

  it('ends everywhere at the sign-out', async () => {
    const browser = await signedIn('lena', ['staff']);
    const other = await TestApp.over(rig.app.database, rig.provider.env);
    try {
      expect((await rig.call(browser, ME, {}, other)).status).toBe(200);
      expect((await rig.call(browser, '/console/sign-in/options', {}, other)).body).toEqual({
        ...{ provider: 'Example', isSignedIn: true },
      });
      const out = await rig.call(browser, '/console/sign-out', { method: 'POST' });
      expect([out.status, out.headers.get('set-cookie')]).toEqual([
        204,
        expect.stringMatching(/^tenantry-session=; .*Max-Age=0/),
      ]);
      expect([await statusOf(browser), (await rig.call(browser, ME, {}, other)).status]).toEqual([401, 401]);
      expect((await rig.entries('operator.sign-out'))[0]).toMatchObject({ actor: 'lena@example.com' });
    } finally {
      await other.stop();
    }
  });

  it('is one of twenty of its operator: a further one ends the oldest, and none of another operator', async () => {
    const sessions = rig.app.application.nest.get(OperatorSessions, { strict: false });
    const open = (subject: string): Promise<string> => {
      const rights = { role: 'viewer', groups: undefined } as const;
      const identity = { issuer: rig.provider.issuer, subject, name: `${subject}@example.com`, rights };
      return sessions.open(identity, 60, { address: '192.0.2.250', requestId: 'cap' });
    };
    const isOpen = async (token: string): Promise<boolean> => {
      const headers = { cookie: `${SESSION_COOKIE}=${token}`, 'x-tenantry-console': '1' };
      return (await rig.app.call(ME, { headers })).status === 200;
    };
    const other = await open('other-of-cap');
    const tokens: string[] = [];
    for (let n = 0; n < 21; n += 1) tokens.push(await open('cap'));
    const states: boolean[] = [];
    for (const token of tokens) states.push(await isOpen(token));
    expect(states).toEqual([false, ...Array(20).fill(true)]);
    expect(await isOpen(other)).toBe(true);
  });

  it('ends when it expires, and no request prolongs it', async () => {
    const browser = await signedIn('maria', ['staff']);
    const left = await rig.app.database.admin<{ minutes: string }>(
      `SELECT extract(epoch FROM s.expires_at - s.created_at) / 60 AS minutes
       FROM operator_sessions s JOIN operators o ON o.id = s.operator_id WHERE o.name = 'maria@example.com'`,
    );
    expect(left.map(({ minutes }) => Number(minutes))).toEqual([60]);
    await statusOf(browser);
    await rig.app.database.admin(
      `UPDATE operator_sessions s SET expires_at = now() FROM operators o WHERE o.id = s.operator_id AND o.name = 'maria@example.com'`,
    );
    const refused = await rig.call(browser, ME);
    expect([refused.status, refused.body.detail]).toEqual([401, 'the session has ended: sign in again']);
    expect((await rig.call(browser, '/console/sign-in/options')).body.isSignedIn).toBe(false);
  });

  it('is nowhere in the catalog or the audit log as the cookie has it', async () => {
    const browser = await signedIn('nora', ['staff']);
    const secret = browser.cookie(rig.app.url, SESSION_COOKIE)!.slice(-43);
    const stored = await rig.app.database.admin(
      'SELECT (SELECT json_agg(s)::text FROM operator_sessions s) AS sessions, (SELECT json_agg(a)::text FROM audit_log a) AS audit',
    );
    expect(JSON.stringify(stored)).toContain('nora@example.com');
    expect(JSON.stringify(stored)).not.toContain(secret);
  });
});

describe('an admin', () => {
  const send = (method: string, path: string, body?: object) =>
    rig.admin.send(method, `/operators/paula@example.com${path}`, body && { body });

  it('sees sessions, ends them, revokes the person, who is refused from then on, and readmits it', async () => {
    const browser = await signedIn('paula', ['staff']);
    const { body } = await send('GET', '');
    expect(body).toMatchObject({ issuer: rig.provider.issuer, keys: [], sessions: [{ id: expect.any(String) }] });
    expect((await send('DELETE', '/sessions')).body.sessions).toEqual([]);
    expect(await statusOf(browser)).toBe(401);
    const again = await signedIn('paula', ['staff']);
    expect((await send('DELETE', '')).status).toBe(200);
    expect(await statusOf(again)).toBe(401);
    const refused = await rig.signIn(new HttpBrowser(), rig.account('paula', ['staff']));
    expect(codeOf(refused)).toEqual([403, 'OIDC_REVOKED']);
    expect((await send('POST', '/readmit')).body).toMatchObject({ revokedAt: null, sessions: [] });
    expect([await statusOf(again), await statusOf(await signedIn('paula', ['staff']))]).toEqual([401, 200]);
    expect((await send('POST', '/readmit')).status).toBe(404);
  });

  it('gives no rights or keys that would outlast what the provider takes away', async () => {
    await signedIn('paula', ['staff']);
    expect([(await send('PATCH', '', { role: 'admin' })).status, (await send('POST', '/keys', {})).status]).toEqual([
      409, 409,
    ]);
  });
});

it('what the page may know without a session is the name of the provider', async () => {
  expect((await rig.app.call('/console/sign-in/options')).body).toEqual({ provider: 'Example', isSignedIn: false });
});

it('without a provider nothing of it is there, and no session is taken', async () => {
  const browser = await signedIn('olga', ['staff']);
  const without = await TestApp.over(rig.app.database);
  try {
    expect((await without.call('/console/sign-in/options')).body).toEqual({ provider: null, isSignedIn: false });
    expect((await without.call('/console/sign-in')).status).toBe(404);
    expect((await rig.call(browser, ME, {}, without)).status).toBe(401);
    expect((await without.call(ME, { apiKey: ADMIN_KEY })).status).toBe(200);
  } finally {
    await without.stop();
  }
});

it('failures slow down their address, as wrong keys do', async () => {
  const browser = new HttpBrowser();
  const statuses: number[] = [];
  for (let attempt = 0; attempt < 30 && statuses.at(-1) !== 429; attempt += 1) {
    statuses.push((await browser.get(`${rig.app.url}/console/sign-in/callback?code=${attempt}&state=x`)).status);
  }
  expect(statuses.at(-1)).toBe(429);
  const page = await browser.get(`${rig.app.url}/console/sign-in`);
  expect([codeOf(page), Number(page.headers.get('retry-after'))]).toEqual([[429, 'RATE_LIMITED'], expect.any(Number)]);
  expect((await new HttpBrowser().get(`${rig.app.url}/console/sign-in`)).status).toBe(303);
});

// The last one: the others need the provider.
it('a provider that is away stops neither the start nor keys, and its absence has a code', async () => {
  await rig.provider.stop();
  const started = await TestApp.over(rig.app.database, rig.provider.env);
  try {
    const page = await new HttpBrowser().get(`${started.url}/console/sign-in`);
    expect(codeOf(page)).toEqual([503, 'OIDC_UNAVAILABLE']);
    expect((await started.call(ME, { apiKey: ADMIN_KEY })).status).toBe(200);
  } finally {
    await started.stop();
  }
});

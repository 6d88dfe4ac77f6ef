import assert from 'node:assert/strict';

const PASSWORDS = { ada: 'correct horse', bob: 'battery staple', eve: 'hunter2hunter2' };

/** A client of examples/existing-app. A request for no company names none. */
export class Companies {
  constructor(url) {
    this.url = url;
  }

  async signIn(user) {
    const login = { email: `${user}@example.com`, password: PASSWORDS[user] };
    const { status, body } = await this.#call('/auth/login', { body: login });
    assert.equal(status, 200, JSON.stringify(body));
    return body.token;
  }

  async add(token, company, name) {
    const { status, body } = await this.#call('/projects', { token, company, body: { name, tasks: ['Plan'] } });
    assert.equal(status, 201, JSON.stringify(body));
  }

  async list(token, company) {
    const { status, body } = await this.#call('/projects', { token, company });
    assert.equal(status, 200, JSON.stringify(body));
    return body;
  }

  async names(token, company) {
    return (await this.list(token, company)).map(({ name }) => name);
  }

  async status(token, company) {
    return (await this.#call('/projects', { token, company })).status;
  }

  async remove(token, company, id) {
    return (await this.#call(`/projects/${id}`, { token, company, method: 'DELETE' })).status;
  }

  async #call(path, { token, company, body, method = body ? 'POST' : 'GET' }) {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        'content-type': 'application/json',
        ...(token && { authorization: `Bearer ${token}` }),
        ...(company && { 'x-tenant-id': company }),
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  }
}

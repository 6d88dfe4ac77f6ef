import { createHash, randomBytes } from 'node:crypto';

/** Tells sessions from API keys, before anything is looked up. */
const AUTHORIZATION = /^Bearer +(ses_[\w-]{43})$/i;
const SESSION = /^Bearer +ses_/i;

/** A token of 256 random bits. */
export function newSessionToken(): string {
  return `ses_${randomBytes(32).toString('base64url')}`;
}

/** Whether the header claims to be a session's; its form and the session are another question. */
export function isSessionHeader(authorization: string | undefined): boolean {
  return authorization !== undefined && SESSION.test(authorization);
}

/** What is stored of the token; undefined when the header has none. A fast hash is enough for 256 random bits. */
export function tokenHashOf(authorization: string | undefined): Buffer | undefined {
  const token = AUTHORIZATION.exec(authorization ?? '')?.[1];
  return token === undefined ? undefined : hashOfToken(token);
}

export function hashOfToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** A session's cookie counts only together with this header, which no page of another origin can send. */
export const FROM_CONSOLE = { 'x-tenantry-console': '1' };

const STORAGE_KEY = 'tenantry-operator-key';

type Listener = (reason: string) => void;
let ended: Listener = () => undefined;

/** The operator's key; empty before the sign-in. Kept for this tab only, until it is closed. */
export function storedKey(): string {
  return sessionStorage.getItem(STORAGE_KEY) ?? '';
}

export function storeKey(key: string): void {
  sessionStorage.setItem(STORAGE_KEY, key);
}

/** Forgets the key and shows the sign-in. @param reason shown there; may be empty */
export function signOut(reason: string): void {
  sessionStorage.removeItem(STORAGE_KEY);
  ended(reason);
}

export function onSignOut(listener: Listener): void {
  ended = listener;
}

/** What the application says before the sign-in. */
export interface SignInOptions {
  /** Name of the OpenID provider; null: there is none. */
  readonly provider: string | null;
  /** Whether this browser has a session. */
  readonly isSignedIn: boolean;
}

export async function signInOptions(): Promise<SignInOptions> {
  const response = await fetch('/console/sign-in/options', { headers: FROM_CONSOLE, cache: 'no-store' });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return (await response.json()) as SignInOptions;
}

/** Forgets the key, or ends the session on the server, and shows the sign-in. */
export async function endSession(): Promise<void> {
  if (storedKey() !== '') return signOut('');
  try {
    const response = await fetch('/console/sign-out', { method: 'POST', headers: FROM_CONSOLE });
    signOut(response.ok ? '' : `The session is still open: the server answered ${response.status}.`);
  } catch {
    signOut('The session is still open: the server did not answer.');
  }
}

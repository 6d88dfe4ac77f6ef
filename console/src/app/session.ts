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

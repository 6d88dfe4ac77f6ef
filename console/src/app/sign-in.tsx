import { useEffect, useState } from 'preact/hooks';
import { call } from '../api/client.js';
import type { CurrentOperator } from '../api/types.js';
import { signInOptions, signOut, storeKey } from './session.js';

interface SignInProps {
  readonly reason: string;
  readonly onSignedIn: (operator: CurrentOperator) => void;
}

export function SignIn({ reason, onSignedIn }: SignInProps) {
  const [problem, setProblem] = useState('');
  const [provider, setProvider] = useState<string | null>(null);
  useEffect(() => {
    signInOptions().then(
      (options) => setProvider(options.provider),
      (error: unknown) => setProblem((error as Error).message),
    );
  }, []);
  const signIn = async (form: HTMLFormElement): Promise<void> => {
    const key = new FormData(form).get('key');
    storeKey(typeof key === 'string' ? key.trim() : '');
    try {
      onSignedIn(await call<CurrentOperator>('operators/me'));
    } catch (error) {
      signOut('');
      setProblem((error as Error).message);
    }
  };
  return (
    <main class="sign-in">
      <h1>Tenantry</h1>
      {provider !== null && (
        <a class="button" href="/console/sign-in">
          Sign in with {provider}
        </a>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void signIn(event.currentTarget);
        }}
      >
        <label>
          Operator's key
          <input name="key" type="password" required autoComplete="off" />
        </label>
        <button type="submit" class="primary">
          Sign in
        </button>
        <p role="alert" class="problem">
          {problem || reason}
        </p>
        <small>An operator's key (adm_…) or the admin key. This tab keeps it until it is closed.</small>
      </form>
    </main>
  );
}

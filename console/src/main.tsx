import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call } from './api/client.js';
import type { CurrentOperator } from './api/types.js';
import { Me } from './app/rights.js';
import { useRoute } from './app/route.js';
import { onSignOut, signInOptions, storedKey } from './app/session.js';
import { Shell } from './app/shell.js';
import { SignIn } from './app/sign-in.js';
import { pageOf } from './pages/page-of.js';

function Console() {
  const route = useRoute();
  const [me, setMe] = useState<CurrentOperator>();
  const [reason, setReason] = useState('');
  const [isKnown, setKnown] = useState(false);
  useEffect(() => {
    onSignOut((why) => {
      setReason(why);
      setMe(undefined);
    });
    currentOperator()
      .then(setMe, (error: unknown) => setReason((error as Error).message))
      .finally(() => setKnown(true));
  }, []);
  if (!isKnown) return <main aria-busy="true" />;
  if (!me) return <SignIn reason={reason} onSignedIn={setMe} />;
  return (
    <Me.Provider value={me}>
      <Shell route={route}>{pageOf(route)}</Shell>
    </Me.Provider>
  );
}

/** The operator whose key the tab keeps, or whose session the browser has. */
async function currentOperator(): Promise<CurrentOperator | undefined> {
  if (storedKey() === '' && !(await signInOptions()).isSignedIn) return undefined;
  return call<CurrentOperator>('operators/me');
}

render(<Console />, document.getElementById('app')!);

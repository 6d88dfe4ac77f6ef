import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call } from './api/client.js';
import type { CurrentOperator } from './api/types.js';
import { Me } from './app/rights.js';
import { useRoute } from './app/route.js';
import { onSignOut, storedKey } from './app/session.js';
import { Shell } from './app/shell.js';
import { SignIn } from './app/sign-in.js';
import { pageOf } from './pages/page-of.js';

function Console() {
  const route = useRoute();
  const [me, setMe] = useState<CurrentOperator>();
  const [reason, setReason] = useState('');
  const [isKnown, setKnown] = useState(storedKey() === '');
  useEffect(() => {
    onSignOut((why) => {
      setReason(why);
      setMe(undefined);
    });
    if (isKnown) return;
    call<CurrentOperator>('operators/me')
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

render(<Console />, document.getElementById('app')!);

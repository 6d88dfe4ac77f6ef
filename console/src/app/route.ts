import { useEffect, useState } from 'preact/hooks';

/** The parts of the fragment: `#/tenants/acme` is `['tenants', 'acme']`. */
export type Route = readonly string[];

export function useRoute(): Route {
  const [route, setRoute] = useState(readRoute);
  useEffect(() => {
    const change = (): void => setRoute(readRoute());
    addEventListener('hashchange', change);
    return () => removeEventListener('hashchange', change);
  }, []);
  return route;
}

export function linkTo(...parts: string[]): string {
  return `#/${parts.map(encodeURIComponent).join('/')}`;
}

export function goTo(...parts: string[]): void {
  location.hash = linkTo(...parts);
}

function readRoute(): Route {
  return location.hash.replace(/^#\/?/, '').split('/').filter(Boolean).map(decode);
}

/** A fragment typed by hand may hold what cannot be decoded. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

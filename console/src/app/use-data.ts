import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import { call } from '../api/client.js';

export interface Data<T> {
  readonly value: T | undefined;
  readonly error: Error | undefined;
  /** Also while it is read again. */
  readonly isLoading: boolean;
  readonly reload: () => void;
}

/** Reads a route of the API; again on `reload`, and every `everyMs` while the page is visible. Empty path: nothing is read. */
export function useData<T>(path: string, everyMs = 0): Data<T> {
  const [state, setState] = useState<{ path: string; round?: number; value?: T; error?: Error }>({ path });
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((number) => number + 1), []);
  useEffect(() => {
    if (path === '') return undefined;
    const abort = new AbortController();
    call<T>(path, { signal: abort.signal }).then(
      (value) => setState({ path, round, value }),
      (error: unknown) => abort.signal.aborted || setState({ path, round, error: error as Error }),
    );
    return () => abort.abort();
  }, [path, round]);
  useEffect(() => {
    if (everyMs === 0) return undefined;
    const timer = setInterval(() => document.hidden || reload(), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, reload]);
  const current: typeof state = state.path === path ? state : { path };
  const isLoading = path !== '' && current.round !== round;
  return { value: current.value, error: current.error, isLoading, reload };
}

interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

export interface Pages<T> {
  readonly items: readonly T[];
  readonly error: Error | undefined;
  /** The first page is not there yet. */
  readonly isLoading: boolean;
  readonly hasMore: boolean;
  /** Reads the next page; undefined on the last one, and while one is read. */
  readonly more: (() => void) | undefined;
  readonly reload: () => void;
}

interface PageRequest {
  readonly path: string;
  readonly cursor: string;
}

/**
 * A list, one page after the other. `path` contains a query already. Read again every `everyMs` while it has one page and is
 * visible: a reader of further pages would lose the place.
 */
export function usePages<T>(path: string, everyMs = 0): Pages<T> {
  const [state, setState] = useState<{ path: string; pages: Page<T>[]; answered?: PageRequest; error?: Error }>({
    path,
    pages: [],
  });
  const [request, setRequest] = useState<PageRequest>({ path, cursor: '' });
  const reload = useCallback(() => setRequest({ path, cursor: '' }), [path]);
  useEffect(() => {
    if (request.path !== path) reload(); // not at first, which would read the first page twice
  }, [path, request, reload]);
  useEffect(() => {
    if (request.path !== path) return undefined;
    const abort = new AbortController();
    const { cursor } = request;
    call<Page<T>>(cursor === '' ? path : `${path}&cursor=${encodeURIComponent(cursor)}`, { signal: abort.signal }).then(
      (page) =>
        setState((former) => ({ path, answered: request, pages: cursor === '' ? [page] : [...former.pages, page] })),
      (error: unknown) =>
        abort.signal.aborted ||
        setState((former) => {
          const pages = former.path === path ? former.pages : []; // not the rows of another filter
          return { path, pages, answered: request, error: error as Error };
        }),
    );
    return () => abort.abort();
  }, [request]);
  const isFirstPage = state.pages.length <= 1;
  useEffect(() => {
    if (everyMs === 0 || !isFirstPage) return undefined;
    const timer = setInterval(() => document.hidden || reload(), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, isFirstPage, reload]);
  const current: typeof state = state.path === path ? state : { path, pages: [] };
  const items = useMemo(() => current.pages.flatMap((page) => page.items), [current.pages]);
  const nextCursor = current.pages.at(-1)?.nextCursor ?? null;
  const isBusy = current.answered !== request;
  return {
    items,
    error: current.error,
    isLoading: current.pages.length === 0 && current.error === undefined,
    hasMore: nextCursor !== null,
    more: nextCursor === null || isBusy ? undefined : () => setRequest({ path, cursor: nextCursor }),
    reload,
  };
}

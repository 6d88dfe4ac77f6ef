import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Pages } from '../app/use-data.js';
import { Action, Loading, Problem } from './basics.js';

/** As in console.css. */
const ROW_REM = 2.25;
/** Rows that are drawn above and below those in view. */
const AROUND = 20;

interface VirtualTableProps<T> {
  readonly caption: string;
  readonly columns: readonly string[];
  readonly pages: Pages<T>;
  readonly keyOf: (item: T) => string;
  /** The cells of a row, each of one line. */
  readonly children: (item: T) => ComponentChildren;
}

/**
 * A list of any length, of which the rows in view are drawn. Further pages are loaded when their beginning comes into view. Screen
 * readers know a row's place from `aria-rowindex`.
 */
export function VirtualTable<T>({ caption, columns, pages, keyOf, children }: VirtualTableProps<T>) {
  const { items, more, error, isLoading, hasMore } = pages;
  const [region, view, look] = useView();
  const first = Math.max(0, Math.floor(view.top / view.rowPx) - AROUND);
  const last = Math.min(items.length, Math.ceil((view.top + view.height) / view.rowPx) + AROUND);
  useEffect(() => {
    if (last >= items.length && more && !error) more();
  }, [last, items.length, more !== undefined, error]);
  return (
    <>
      <Problem error={error} />
      <Loading when={isLoading} />
      <div class="scroll virtual" role="region" aria-label={caption} tabIndex={0} ref={region} onScroll={look}>
        <table aria-rowcount={hasMore ? -1 : items.length + 1}>
          <caption>{caption}</caption>
          <thead>
            <tr aria-rowindex={1}>
              {columns.map((column) => (
                <th scope="col" key={column}>
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <Space rows={first} rowPx={view.rowPx} />
            {items.slice(first, last).map((item, index) => (
              <tr key={keyOf(item)} aria-rowindex={first + index + 2}>
                {children(item)}
              </tr>
            ))}
            <Space rows={items.length - last} rowPx={view.rowPx} />
          </tbody>
        </table>
      </div>
      {error && more && <Action label="Load more" run={more} />}
    </>
  );
}

/** The height of rows that are not drawn. */
function Space({ rows, rowPx }: { readonly rows: number; readonly rowPx: number }) {
  return rows > 0 ? <tr class="space" aria-hidden="true" style={{ height: `${rows * rowPx}px` }} /> : null;
}

interface View {
  readonly top: number;
  readonly height: number;
  readonly rowPx: number;
}

function useView() {
  const region = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<View>({ top: 0, height: 800, rowPx: ROW_REM * 16 });
  const look = (): void => {
    const { scrollTop = 0, clientHeight = 800 } = region.current ?? {};
    const rowPx = ROW_REM * Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
    setView({ top: scrollTop, height: clientHeight, rowPx });
  };
  useEffect(() => {
    look();
    addEventListener('resize', look);
    return () => removeEventListener('resize', look);
  }, []);
  return [region, view, look] as const;
}

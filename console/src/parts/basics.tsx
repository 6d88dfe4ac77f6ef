import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { announceError } from './announcer.js';

/** A page's heading receives the focus, so that keyboard and screen reader start at it after a navigation. */
export function Page({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Tenantry`;
    heading.current?.focus();
  }, [title]);
  return (
    <>
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      {children}
    </>
  );
}

export function Problem({ error }: { readonly error: Error | undefined }) {
  return error ? (
    <p class="problem" role="alert">
      {error.message}
    </p>
  ) : null;
}

export function Loading({ when }: { readonly when: boolean }) {
  return when ? <p aria-busy="true">Loading …</p> : null;
}

interface ActionProps {
  readonly label: string;
  readonly isDangerous?: boolean;
  /** Its failure is shown. */
  readonly run: () => Promise<unknown> | void;
}

/** A button that is disabled while its action runs. */
export function Action({ label, isDangerous = false, run }: ActionProps) {
  const [isBusy, setBusy] = useState(false);
  const click = async (): Promise<void> => {
    setBusy(true);
    try {
      await run();
    } catch (error) {
      announceError(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <button type="button" class={isDangerous ? 'danger' : ''} disabled={isBusy} onClick={() => void click()}>
      {label}
    </button>
  );
}

interface TableProps {
  readonly caption: string;
  readonly columns: readonly string[];
  readonly children: ComponentChildren;
}

/** Scrolls sideways on a narrow screen, also by keyboard. */
export function Table({ caption, columns, children }: TableProps) {
  return (
    <div class="scroll" role="region" aria-label={caption} tabIndex={0}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th scope="col" key={column}>
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

export function Status({ of }: { readonly of: string }) {
  return <span class={`status ${of}`}>{of}</span>;
}

export function Time({ at }: { readonly at: string | null | undefined }) {
  return at ? <time dateTime={at}>{new Date(at).toLocaleString()}</time> : <>–</>;
}

export function Facts({ of }: { readonly of: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl>
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value === '' ? '–' : (value ?? '–')}</dd>
        </div>
      ))}
    </dl>
  );
}

interface ShownOnceProps {
  readonly token: string;
  readonly onClose: () => void;
  readonly children?: ComponentChildren;
}

/** A secret that the API returns once. */
export function ShownOnce({ token, onClose, children }: ShownOnceProps) {
  return (
    <section class="once" aria-label="New key">
      <p>Copy the key now. It is not shown again. {children}</p>
      <output>{token}</output>
      <button type="button" onClick={onClose}>
        Done
      </button>
    </section>
  );
}

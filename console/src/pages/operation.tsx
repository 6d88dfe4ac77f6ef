import { useEffect, useState } from 'preact/hooks';
import { call, part, query } from '../api/client.js';
import { followOperation, hasEnded } from '../api/follow-operation.js';
import type { Operation, OperationTenant } from '../api/types.js';
import { mayChange, useRights } from '../app/rights.js';
import { goTo, linkTo } from '../app/route.js';
import { usePages } from '../app/use-data.js';
import { Action, Facts, Loading, Page, Problem, Status, Time } from '../parts/basics.js';
import { VirtualTable } from '../parts/virtual-table.js';

const MAX_PAGES = 100;
const KINDS_WITH_TENANTS: ReadonlySet<string> = new Set(['migrate', 'provision-tenants']);

interface FailedPage {
  readonly items: readonly OperationTenant[];
  readonly nextCursor: string | null;
}

export function OperationPage({ id }: { readonly id: string }) {
  const rights = useRights();
  const [operation, setOperation] = useState<Operation>();
  const [error, setError] = useState<Error>();
  const [round, setRound] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    const show = (state: Operation): void => {
      setOperation(state);
      setError(undefined);
    };
    void followOperation(id, abort.signal, show, setError);
    return () => abort.abort();
  }, [id, round]);
  if (!operation) {
    return (
      <Page title="Operation">
        <Problem error={error} />
        <Loading when={!error} />
      </Page>
    );
  }
  const { kind, subject, status, steps, progress, result } = operation;
  const change = async (action: 'cancel' | 'retry'): Promise<void> => {
    setOperation(await call<Operation>(`operations/${part(id)}/${action}`, { method: 'POST' }));
    setRound(round + 1);
  };
  return (
    <Page title={`${kind} ${subject}`}>
      <Problem error={error} />
      <p aria-live="polite">
        <Status of={status} />
      </p>
      {mayChange(rights, operation) && (
        <div class="actions">
          {!hasEnded(operation) && <Action label="Cancel" isDangerous run={() => change('cancel')} />}
          {(status === 'failed' || status === 'cancelled') && <Action label="Retry" run={() => change('retry')} />}
        </div>
      )}
      {operation.error && (
        <p class="problem">
          {operation.error.code}: {operation.error.message}
        </p>
      )}
      <ol class="steps" aria-label="Steps">
        {steps.map((step) => (
          <li key={step.name}>
            {step.name} <Status of={step.status} />
          </li>
        ))}
      </ol>
      {progress && (
        <p>
          <progress max={progress.total} value={progress.done} aria-label="Progress" /> {progress.done} of{' '}
          {progress.total}
        </p>
      )}
      <Facts
        of={[
          ['Requested', <Time key="time" at={operation.createdAt} />],
          ['By', operation.createdBy],
          ['Earliest start', <Time key="time" at={operation.runAfter} />],
          ['Started', <Time key="time" at={operation.startedAt} />],
          ['Ended', <Time key="time" at={operation.finishedAt} />],
          ['Attempts', operation.attempts],
          ['Instance', operation.instance],
        ]}
      />
      {result && <pre tabIndex={0}>{JSON.stringify(result, null, 2)}</pre>}
      {KINDS_WITH_TENANTS.has(kind) && <FailedTenants key={status} operation={operation} />}
    </Page>
  );
}

/** Tenants for which the operation failed. Migrations of these alone can be tried again; others are retried as a whole. */
function FailedTenants({ operation: { id, kind } }: { readonly operation: Operation }) {
  const { operateInstallation } = useRights();
  const failures = usePages<OperationTenant>(`operations/${part(id)}/tenants?status=failed&limit=200`);
  const tryAgain = async (): Promise<void> => {
    const tenants = await allFailed(id);
    const body = { kind: 'migrate', tenants };
    goTo('operations', (await call<Operation>('operations', { method: 'POST', body })).id);
  };
  return (
    <section aria-label="Failures">
      <h2>Failed tenants</h2>
      {kind === 'migrate' && operateInstallation && failures.items.length > 0 && (
        <Action label="Try these again" run={tryAgain} />
      )}
      <VirtualTable
        caption={`${failures.items.length} failed${failures.hasMore ? ', more follow' : ''}`}
        columns={['Tenant', 'From', 'Error']}
        pages={failures}
        keyOf={({ tenantId }) => tenantId}
      >
        {({ slug, fromVersion, error }) => (
          <>
            <th scope="row">
              <a href={linkTo('tenants', slug)}>{slug}</a>
            </th>
            <td>{fromVersion}</td>
            <td title={error?.message ?? ''}>
              {error?.code}: {error?.message}
            </td>
          </>
        )}
      </VirtualTable>
    </section>
  );
}

/** Also those that were not scrolled to. */
async function allFailed(id: string): Promise<readonly string[]> {
  const slugs: string[] = [];
  for (let cursor: string | null = '', page = 0; cursor !== null && page < MAX_PAGES; page++) {
    const path = `operations/${part(id)}/tenants${query({ status: 'failed', limit: 1000, cursor })}`;
    const next: FailedPage = await call(path);
    slugs.push(...next.items.map(({ slug }) => slug));
    cursor = next.nextCursor;
  }
  return slugs;
}

import { useState } from 'preact/hooks';
import { call } from '../api/client.js';
import type { MigrationPreview, Operation } from '../api/types.js';
import { useRights } from '../app/rights.js';
import { goTo } from '../app/route.js';
import { Action, Facts, Page } from '../parts/basics.js';
import { Field, Form, words } from '../parts/form.js';
import { OperationList } from './operations.js';

export function MigrationsPage() {
  const { operateInstallation } = useRights();
  const [preview, setPreview] = useState<MigrationPreview>();
  return (
    <Page title="Fleet migrations">
      {operateInstallation && (
        <>
          <Action
            label="Preview the SQL"
            run={async () =>
              setPreview(await call<MigrationPreview>('migrations/preview', { method: 'POST', body: {} }))
            }
          />
          <StartMigration />
        </>
      )}
      {preview && <Preview of={preview} />}
      <OperationList caption="Fleet migrations, newest first" filter={{ kind: 'migrate' }} />
    </Page>
  );
}

function StartMigration() {
  return (
    <Form
      title="Start a migration"
      submit="Start"
      onSubmit={async ({ tenants, canary, waveSize, maxFailures }) => {
        const body = {
          kind: 'migrate',
          waveSize: Number(waveSize),
          maxFailures: Number(maxFailures),
          ...(tenants && { tenants: words(tenants) }),
          ...(canary && canary !== '0' && { canary: { count: Number(canary) } }),
        };
        goTo('operations', (await call<Operation>('operations', { method: 'POST', body })).id);
      }}
    >
      <Field label="Tenants" name="tenants" hint="slugs; empty: all that are behind" />
      <Field label="Canary units" name="canary" type="number" value="0" />
      <Field label="Units per wave" name="waveSize" type="number" value="50" />
      <Field label="Stop after failures" name="maxFailures" type="number" value="5" />
    </Form>
  );
}

function Preview({ of: { to, tenants, units, versions } }: { readonly of: MigrationPreview }) {
  return (
    <section aria-label="Preview">
      <h2>Preview</h2>
      <Facts
        of={[
          ['To', to],
          ['Tenants behind', tenants],
          ['Units', units],
        ]}
      />
      {versions.map((version) => (
        <section key={version.from} aria-label={`from ${version.from}`}>
          <h3>
            From {version.from}: {version.tenants} tenants
          </h3>
          {version.failure && (
            <p class="problem">
              {version.failure.code}: {version.failure.message}
            </p>
          )}
          {version.migrations.map(({ migration, sql }) => (
            <details key={migration} open>
              <summary>{migration}</summary>
              <pre tabIndex={0}>{sql.join(';\n')}</pre>
            </details>
          ))}
        </section>
      ))}
    </section>
  );
}

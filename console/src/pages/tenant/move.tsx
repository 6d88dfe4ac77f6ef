import { useState } from 'preact/hooks';
import { call, part } from '../../api/client.js';
import type { MovePreview, NewMove, Operation, Tenant } from '../../api/types.js';
import { goTo } from '../../app/route.js';
import { Action, Facts } from '../../parts/basics.js';
import { Choice, Field, Form } from '../../parts/form.js';
import { ISOLATIONS } from '../tenants.js';

interface Plan {
  readonly move: NewMove;
  readonly preview: MovePreview;
}

/** A move is offered once its preview was read. */
export function TenantMove({ tenant: { slug, status } }: { readonly tenant: Tenant }) {
  const [plan, setPlan] = useState<Plan>();
  const path = `tenants/${part(slug)}/move`;
  const start = async (route: string, body?: object): Promise<void> =>
    goTo('operations', (await call<Operation>(route, { method: 'POST', ...(body && { body }) })).id);
  if (status === 'provisioning' || status === 'deleting') return null;
  const ends = (
    <>
      <EndOfMove
        {...{ slug, title: 'Take the last move back', submit: 'Take it back', run: () => start(`${path}/back`) }}
        hint="A move, or a restore: the tenant is served at its former place. What was written since a restore is lost."
      />
      <EndOfMove
        {...{ slug, title: 'Finish the last move', submit: 'Finish it', run: () => start(`${path}/finish`) }}
        hint="A move, or a restore: the rows at the former place are deleted for good."
      />
    </>
  );
  if (status !== 'active') return <section aria-label="Move">{ends}</section>;
  return (
    <section aria-label="Move">
      <Form
        title="Move to another place"
        submit="Preview"
        onSubmit={async ({ isolation, server }) => {
          const move = { ...(isolation && { isolation }), ...(server && { server }) } as NewMove;
          setPlan({ move, preview: await call<MovePreview>(`${path}/preview`, { method: 'POST', body: move }) });
        }}
      >
        <Choice label="Isolation" name="isolation" options={ISOLATIONS} none="the same" />
        <Field label="Server" name="server" hint="empty: the same" />
      </Form>
      {plan && (
        <>
          <Facts
            of={[
              ['From', placeText(plan.preview.from)],
              ['To', placeText(plan.preview.to)],
              ['Rows', plan.preview.rows],
              ['Bytes', plan.preview.bytes],
              ['Copy', plan.preview.copy && `about ${plan.preview.copy.estimatedSeconds} s`],
              ['Obstacles', plan.preview.obstacles.join('; ') || 'none known'],
              ['Notes', plan.preview.notes.join('; ')],
            ]}
          />
          {plan.preview.obstacles.length === 0 && <Action label="Move now" run={() => start(path, plan.move)} />}
        </>
      )}
      {ends}
    </section>
  );
}

interface EndOfMoveProps {
  readonly slug: string;
  readonly title: string;
  readonly submit: string;
  readonly hint: string;
  readonly run: () => Promise<void>;
}

function EndOfMove({ slug, title, submit, hint, run }: EndOfMoveProps) {
  const onSubmit = async ({ confirmation }: Readonly<Record<string, string>>): Promise<void> => {
    if (confirmation !== slug) throw new Error(`Type ${slug} to confirm it`);
    await run();
  };
  return (
    <Form title={title} submit={submit} isDangerous onSubmit={onSubmit}>
      <Field label={`Type ${slug}: ${submit.toLowerCase()}`} name="confirmation" isRequired hint={hint} />
    </Form>
  );
}

function placeText({ isolation, server, database, schema }: MovePreview['from']): string {
  return `${isolation} on ${server}: ${database}.${schema}`;
}

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
  if (status !== 'active') return null;
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
      <div class="actions">
        <Action label="Take the last move back" run={() => start(`${path}/back`)} />
        <Action label="Finish the last move" run={() => start(`${path}/finish`)} />
      </div>
    </section>
  );
}

function placeText({ isolation, server, database, schema }: MovePreview['from']): string {
  return `${isolation} on ${server}: ${database}.${schema}`;
}

import { useState } from 'preact/hooks';
import { call, part } from '../../api/client.js';
import type { Impersonation } from '../../api/types.js';
import { ShownOnce, Time } from '../../parts/basics.js';
import { Field, Form } from '../../parts/form.js';

interface TenantImpersonationProps {
  readonly slug: string;
  readonly onChange: () => void;
}

/** A token of minutes, with which an operator works as the tenant. */
export function TenantImpersonation({ slug, onChange }: TenantImpersonationProps) {
  const [issued, setIssued] = useState<Impersonation>();
  return (
    <section aria-label="Working as the tenant">
      {issued && (
        <ShownOnce token={issued.token} onClose={() => setIssued(undefined)}>
          It expires at <Time at={issued.expiresAt} />. Every request with it is marked in the log.
        </ShownOnce>
      )}
      <Form
        title="Work as this tenant"
        submit="Issue a token"
        onSubmit={async ({ reason, minutes }) => {
          const body = { reason, minutes: Number(minutes) };
          setIssued(await call<Impersonation>(`tenants/${part(slug)}/impersonations`, { method: 'POST', body }));
          onChange();
        }}
      >
        <Field label="Reason" name="reason" isRequired hint="in the audit log" />
        <Field label="Minutes" name="minutes" type="number" value="15" isRequired />
      </Form>
    </section>
  );
}

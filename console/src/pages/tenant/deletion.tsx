import { useEffect, useState } from 'preact/hooks';
import { call, part, query } from '../../api/client.js';
import type { Operation, Tenant } from '../../api/types.js';
import { useRights } from '../../app/rights.js';
import { useData } from '../../app/use-data.js';
import { announce } from '../../parts/announcer.js';
import { Action, Problem } from '../../parts/basics.js';
import { Field, Form } from '../../parts/form.js';

const SECONDS_PER_DAY = 86_400;

interface TenantDeletionProps {
  readonly tenant: Tenant;
  readonly onChange: () => void;
}

export function TenantDeletion({ tenant: { slug, status }, onChange }: TenantDeletionProps) {
  const { operate } = useRights();
  const path = `tenants/${part(slug)}`;
  const restore = async (): Promise<void> => {
    await call(`${path}/restore`, { method: 'POST' });
    announce(`${slug} is kept`);
    onChange();
  };
  if (status === 'deleting') {
    return (
      <section class="danger-zone" aria-label="Deletion">
        <Grace slug={slug} />
        {operate && <Action label="Restore" run={restore} />}
      </section>
    );
  }
  if (!operate) return null;
  return (
    <Form
      title="Delete"
      submit="Delete this tenant"
      isDangerous
      onSubmit={async ({ confirmation, days }) => {
        if (confirmation !== slug) throw new Error(`Type ${slug} to delete it`);
        const graceSeconds = Math.round(Number(days) * SECONDS_PER_DAY);
        await call(`${path}${query({ graceSeconds })}`, { method: 'DELETE' });
        announce(`${slug} is no longer served`);
        onChange();
      }}
    >
      <Field label={`Type ${slug} to confirm`} name="confirmation" isRequired />
      <Field label="Days until its data is deleted" name="days" type="number" value="7" isRequired />
    </Form>
  );
}

/** Counts down to the moment that the deletion names as its earliest start. */
function Grace({ slug }: { readonly slug: string }) {
  const deletions = useData<{ readonly items: readonly Operation[] }>(
    `operations${query({ tenant: slug, kind: 'delete', limit: 1 })}`,
  );
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  const deletion = deletions.value?.items[0];
  if (!deletion) return <Problem error={deletions.error} />;
  const seconds = Math.max(0, Math.round((Date.parse(deletion.runAfter) - now) / 1_000));
  return <p role="timer">Its data is deleted in {duration(seconds)}</p>;
}

function duration(seconds: number): string {
  const days = Math.floor(seconds / SECONDS_PER_DAY);
  const rest = new Date((seconds % SECONDS_PER_DAY) * 1_000).toISOString().slice(11, 19);
  return days > 0 ? `${days} d ${rest}` : rest;
}

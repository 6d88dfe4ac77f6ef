import { call, part } from '../../api/client.js';
import type { Tenant } from '../../api/types.js';
import { announce } from '../../parts/announcer.js';
import { Action } from '../../parts/basics.js';
import { Field, Form } from '../../parts/form.js';

interface TenantActionsProps {
  readonly tenant: Tenant;
  readonly onChange: () => void;
}

export function TenantActions({ tenant: { slug, status }, onChange }: TenantActionsProps) {
  const path = `tenants/${part(slug)}`;
  const change = async (done: string, ...request: Parameters<typeof call>): Promise<void> => {
    await call(...request);
    announce(done);
    onChange();
  };
  return (
    <section aria-label="Actions">
      <div class="actions">
        {(status === 'active' || status === 'maintenance') && (
          <Action
            label="Suspend"
            isDangerous
            run={() => change(`${slug} is suspended`, `${path}/suspend`, { method: 'POST' })}
          />
        )}
        {status === 'suspended' && (
          <Action label="Resume" run={() => change(`${slug} is served again`, `${path}/resume`, { method: 'POST' })} />
        )}
        {status === 'maintenance' && (
          <Action
            label="End maintenance"
            run={() => change('Maintenance has ended', `${path}/maintenance`, { method: 'DELETE' })}
          />
        )}
      </div>
      {(status === 'active' || status === 'maintenance') && (
        <Form
          title="Maintenance"
          submit="Begin maintenance"
          onSubmit={({ message }) =>
            change('Maintenance has begun', `${path}/maintenance`, {
              method: 'PUT',
              body: message ? { message } : {},
            })
          }
        >
          <Field label="Message to callers" name="message" />
        </Form>
      )}
    </section>
  );
}

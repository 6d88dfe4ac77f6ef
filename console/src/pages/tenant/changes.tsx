import { call, part } from '../../api/client.js';
import type { Plan, Tenant } from '../../api/types.js';
import { useRights } from '../../app/rights.js';
import { useData } from '../../app/use-data.js';
import { announce } from '../../parts/announcer.js';
import { Problem } from '../../parts/basics.js';
import { Choice, Field, Form, words } from '../../parts/form.js';
import { LimitFields, limitsIn } from '../../parts/limits.js';

interface TenantChangesProps {
  readonly tenant: Tenant;
  readonly onChange: () => void;
}

export function TenantChanges({ tenant, onChange }: TenantChangesProps) {
  const save = async (body: object): Promise<void> => {
    await call(`tenants/${part(tenant.slug)}`, { method: 'PATCH', body });
    announce('Saved');
    onChange();
  };
  return (
    <section aria-label="Changes" key={tenant.version}>
      <PlanForm tenant={tenant} save={save} />
      <Form title="Change limits" submit="Save limits" onSubmit={(values) => save({ limits: limitsIn(values) })}>
        <LimitFields limits={tenant.limits} absent="the plan's, else the environment's" />
      </Form>
      <Form
        title="Change domains and groups"
        submit="Save"
        onSubmit={({ domains, groups }) => save({ domains: words(domains), groups: words(groups) })}
      >
        <Field label="Domains" name="domains" value={tenant.domains.join(' ')} />
        <Field label="Groups" name="groups" value={tenant.groups.join(' ')} />
      </Form>
    </section>
  );
}

interface PlanFormProps {
  readonly tenant: Tenant;
  readonly save: (body: object) => Promise<void>;
}

/** An operator who is limited to some tenants may set a plan, but not list them. */
function PlanForm({ tenant: { plan }, save }: PlanFormProps) {
  const { seeInstallation } = useRights();
  const plans = useData<readonly Plan[]>(seeInstallation ? 'plans' : '');
  return (
    <Form title="Change the plan" submit="Save the plan" onSubmit={({ name }) => save({ plan: name || null })}>
      <Problem error={plans.error} />
      {seeInstallation ? (
        <Choice
          label="Plan"
          name="name"
          options={plans.value?.map(({ name }) => name) ?? []}
          none="none"
          {...(plan !== null && { value: plan })}
        />
      ) : (
        <Field label="Plan" name="name" value={plan ?? ''} hint="empty: none" />
      )}
    </Form>
  );
}

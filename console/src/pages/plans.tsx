import { call, part } from '../api/client.js';
import type { Plan } from '../api/types.js';
import { useRights } from '../app/rights.js';
import { useData } from '../app/use-data.js';
import { announce } from '../parts/announcer.js';
import { Action, Facts, Page, Problem } from '../parts/basics.js';
import { Field, Form, TextArea } from '../parts/form.js';
import { parseTyped } from '../parts/json.js';
import { limitChangesIn, LimitFields, limitsIn } from '../parts/limits.js';

/** What tenants of a plan have in common, unless they have their own. */
export function PlansPage() {
  const { operateInstallation } = useRights();
  const plans = useData<readonly Plan[]>('plans');
  return (
    <Page title="Plans">
      {operateInstallation && <NewPlan onChange={plans.reload} />}
      <Problem error={plans.error} />
      {plans.value?.length === 0 && <p>There are no plans.</p>}
      {plans.value?.map((plan) => (
        <section key={`${plan.name} ${plan.version}`} aria-label={plan.name}>
          <h2>{plan.name}</h2>
          <Facts
            of={[
              ['Description', plan.description],
              ['Tenants', plan.tenants],
              ...Object.entries(plan.limits).map(([name, value]) => [name, value] as const),
              ...Object.entries(plan.features).map(([name, isOn]) => [name, isOn ? 'on' : 'off'] as const),
              ...Object.entries(plan.settings).map(([key, value]) => [key, JSON.stringify(value)] as const),
            ]}
          />
          {operateInstallation && <PlanChanges plan={plan} onChange={plans.reload} />}
        </section>
      ))}
    </Page>
  );
}

interface NewPlanProps {
  readonly onChange: () => void;
}

function NewPlan({ onChange }: NewPlanProps) {
  return (
    <Form
      title="Create a plan"
      submit="Create"
      onSubmit={async ({ name, description, ...values }) => {
        const body = { name, ...(description && { description }), limits: limitsIn(values) };
        await call('plans', { method: 'POST', body });
        announce(`The plan ${name} is created`);
        onChange();
      }}
    >
      <Field label="Name" name="name" isRequired />
      <Field label="Description" name="description" />
      <LimitFields limits={{}} absent="the environment's" />
    </Form>
  );
}

interface PlanChangesProps {
  readonly plan: Plan;
  readonly onChange: () => void;
}

function PlanChanges({ plan: { name, limits, tenants }, onChange }: PlanChangesProps) {
  const path = `plans/${part(name)}`;
  const change = async (body: object): Promise<void> => {
    await call(path, { method: 'PATCH', body });
    announce('Saved');
    onChange();
  };
  const remove = async (): Promise<void> => {
    await call(path, { method: 'DELETE' });
    announce(`The plan ${name} is deleted`);
    onChange();
  };
  return (
    <>
      <Form
        title={`Limits of ${name}`}
        submit="Save limits"
        onSubmit={(values) => change({ limits: limitChangesIn(values) })}
      >
        <LimitFields limits={limits} absent="the environment's" />
      </Form>
      <Form
        title={`Settings of ${name}`}
        submit="Save the setting"
        onSubmit={({ key = '', json = '' }) => change({ settings: { [key]: parseTyped(json) } })}
      >
        <Field label="Setting" name="key" isRequired />
        <TextArea label="Value" name="json" hint="JSON; null removes it" />
      </Form>
      <Form
        title={`Features of ${name}`}
        submit="Save the feature"
        onSubmit={({ feature = '', state = '' }) => change({ features: { [feature]: parseTyped(state) } })}
      >
        <Field label="Feature" name="feature" isRequired />
        <Field label="State" name="state" isRequired hint="true, false, or null, which removes it" />
      </Form>
      {tenants === 0 && <Action label={`Delete ${name}`} isDangerous run={remove} />}
    </>
  );
}

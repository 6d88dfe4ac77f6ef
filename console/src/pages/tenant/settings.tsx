import { useEffect, useRef } from 'preact/hooks';
import { call, part } from '../../api/client.js';
import type { Settings, SettingsChange, Tenant } from '../../api/types.js';
import { useRights } from '../../app/rights.js';
import { useData } from '../../app/use-data.js';
import { announce } from '../../parts/announcer.js';
import { Action, Problem, Table } from '../../parts/basics.js';
import { Choice, Form, TextArea } from '../../parts/form.js';
import { parseTyped } from '../../parts/json.js';

interface TenantSettingsProps {
  readonly tenant: Tenant;
  readonly onChange: () => void;
}

/** What holds for the tenant, and where it comes from. The API checks each value against the application's schema. */
export function TenantSettings({ tenant: { slug, version }, onChange }: TenantSettingsProps) {
  const { operate } = useRights();
  const path = `tenants/${part(slug)}/settings`;
  const { value, error, reload } = useData<Settings>(path);
  const change = async (body: SettingsChange): Promise<void> => {
    await call<Settings>(path, { method: 'PATCH', body });
    announce('Saved');
    onChange();
  };
  const readVersion = useRef(version);
  useEffect(() => {
    if (readVersion.current !== version) reload(); // a plan, a limit or a setting has changed
    readVersion.current = version;
  }, [version, reload]);
  if (!value) return <Problem error={error} />;
  const settings = Object.entries(value.settings);
  const features = Object.entries(value.features);
  const limits = Object.entries(value.limits);
  return (
    <section aria-label="Settings">
      <h2>Settings, features, limits</h2>
      {value.unknown.length > 0 && (
        <p class="problem">Stored, but unknown to this release: {value.unknown.join(', ')}</p>
      )}
      <Table caption="What holds" columns={['Name', 'Value', 'From', ...(operate ? ['Change'] : [])]}>
        {settings.map(([key, { value: held, origin, refused }]) => (
          <tr key={`setting ${key}`}>
            <th scope="row">{key}</th>
            <td>
              <code>{JSON.stringify(held)}</code>
              {refused?.map(({ origin: from, reason }) => (
                <p class="problem" key={from}>
                  refused, from {from}: {reason}
                </p>
              ))}
            </td>
            <td>{origin}</td>
            {operate && (
              <td>
                {Object.hasOwn(value.own.settings, key) && (
                  <Action label={`Remove own ${key}`} run={() => change({ settings: { [key]: null } })} />
                )}
              </td>
            )}
          </tr>
        ))}
        {features.map(([name, { value: isOn, origin }]) => (
          <tr key={`feature ${name}`}>
            <th scope="row">{name}</th>
            <td>{isOn ? 'on' : 'off'}</td>
            <td>{origin}</td>
            {operate && (
              <td>
                <Action
                  label={`Turn ${name} ${isOn ? 'off' : 'on'}`}
                  run={() => change({ features: { [name]: !isOn } })}
                />{' '}
                {Object.hasOwn(value.own.features, name) && (
                  <Action label={`Remove own ${name}`} run={() => change({ features: { [name]: null } })} />
                )}
              </td>
            )}
          </tr>
        ))}
        {limits.map(([name, { value: held, origin }]) => (
          <tr key={`limit ${name}`}>
            <th scope="row">{name}</th>
            <td>{held}</td>
            <td>{origin}</td>
            {operate && <td />}
          </tr>
        ))}
      </Table>
      {operate && settings.length > 0 && (
        <Form
          title="Change a setting"
          submit="Save the setting"
          onSubmit={({ key = '', json = '' }) => change({ settings: { [key]: parseTyped(json) } })}
        >
          <Choice label="Setting" name="key" options={settings.map(([key]) => key)} />
          <TextArea label="Value" name="json" hint='JSON, such as 20, "text" or {"a": true}' />
        </Form>
      )}
    </section>
  );
}

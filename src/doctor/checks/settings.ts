import { unstorableBecause } from '../../catalog/model/stored-settings.js';
import type { TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { validated } from '../../tenant/settings/setting-layers.js';
import type { Check, CatalogContext } from '../diagnosis/check.js';
import { shownName } from '../../platform/errors/request.errors.js';
import { type Finding, ok, warn } from '../diagnosis/finding.js';

const NAME = 'settings';
const PAGE = 1_000;
const MAX_REPORTED = 20;

interface Owner {
  readonly kind: 'plan' | 'tenant';
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly features: Readonly<Record<string, unknown>>;
}

const PLANS = `SELECT 'plan' AS kind, name, settings, features FROM tenant_plans ORDER BY name`;
const TENANTS = `
  SELECT 'tenant' AS kind, slug AS name, settings, features FROM tenants
  WHERE slug > $1 AND (settings <> '{}' OR features <> '{}') ORDER BY slug LIMIT ${PAGE}`;

/** Reports stored settings and feature flags that have no effect, and variables that name no feature flag. */
export const settings: Check<CatalogContext> = {
  name: NAME,
  run: async ({ catalog, schema, loaded }) => {
    const findings = Object.keys(loaded.config.tenantFeatures)
      .filter((name) => !Object.hasOwn(schema.featureFlags ?? {}, name))
      .map((name) =>
        warn(NAME, `names a feature flag that the code does not declare: ${name}`, 'remove it', 'TENANT_FEATURES'),
      );
    const plans = await catalog.query<Owner>(PLANS);
    findings.push(...plans.rows.flatMap((owner) => problemsOf(owner, schema)));
    for (let after = '', page: readonly Owner[] = []; ; after = page.at(-1)!.name) {
      ({ rows: page } = await catalog.query<Owner>(TENANTS, [after]));
      findings.push(...page.flatMap((owner) => problemsOf(owner, schema)));
      if (page.length < PAGE || findings.length >= MAX_REPORTED) break;
    }
    return findings.length > 0 ? findings.slice(0, MAX_REPORTED) : [ok(NAME, 'all stored settings are valid')];
  },
};

/** Why a stored value has no effect. */
interface Problem {
  readonly what: string;
  /** Removes it, with the rest of a command. */
  readonly option: string;
}

function problemsOf({ kind, name, ...stored }: Owner, schema: TenantSchema): Finding[] {
  const command = kind === 'plan' ? `plans set ${name}` : `tenants settings ${name}`;
  const problems = [...settingProblems(stored.settings, schema), ...featureProblems(stored.features, schema)];
  return problems.map(({ what, option }) =>
    warn(NAME, what, `${command} ${option}`, kind === 'plan' ? `plan ${name}` : name),
  );
}

function settingProblems(stored: Owner['settings'], { settings: schemas = {} }: TenantSchema): Problem[] {
  return Object.entries(stored).flatMap(([key, value]): Problem[] => {
    const option = `--unset ${shownName(key)}`;
    const schema = Object.hasOwn(schemas, key) ? schemas[key] : undefined;
    if (!schema) return [{ what: `the setting ${shownName(key)} is not declared by the code`, option }];
    const reason = unstorableBecause(value) ?? validated(schema, value).reason;
    return reason === undefined ? [] : [{ what: `the setting ${key} has no effect: ${reason}`, option }];
  });
}

function featureProblems(stored: Owner['features'], { featureFlags = {} }: TenantSchema): Problem[] {
  return Object.entries(stored).flatMap(([name, value]): Problem[] => {
    const option = `--unset-feature ${shownName(name)}`;
    if (!Object.hasOwn(featureFlags, name)) {
      return [{ what: `the feature flag ${shownName(name)} is not declared by the code`, option }];
    }
    return typeof value === 'boolean' ? [] : [{ what: `the feature flag ${name} is neither true nor false`, option }];
  });
}

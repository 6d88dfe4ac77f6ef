import { UnknownFeatureError } from './settings.errors.js';
import type { FeatureName } from './tenant-settings.js';

/** The feature flags of a tenant, or of a call for it. */
export class Features {
  private readonly values: ReadonlyMap<string, boolean>;

  /** @internal */
  constructor(values: Iterable<readonly [string, boolean]> = []) {
    this.values = new Map(values);
  }

  /** @throws UnknownFeatureError when no module declares it: a misspelt name must not switch anything off */
  isEnabled(feature: FeatureName): boolean {
    const isEnabled = this.values.get(feature);
    if (isEnabled === undefined) throw new UnknownFeatureError(feature);
    return isEnabled;
  }

  /** Names of the enabled ones, in the order of their declaration. */
  get enabled(): readonly FeatureName[] {
    return [...this.values].flatMap(([name, isEnabled]) => (isEnabled ? [name as FeatureName] : []));
  }
}

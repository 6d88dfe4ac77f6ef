import { CodedError } from '../../platform/errors/coded-error.js';
import { shownName } from '../../platform/errors/request.errors.js';

/** Raised at the start for a setting or feature flag that cannot be one. */
export class InvalidSettingError extends CodedError {
  readonly code = 'INVALID_SETTING';

  /** @param problem completes "the setting <key> …" */
  constructor(
    readonly key: string,
    problem: string,
  ) {
    super(`the setting or feature flag ${shownName(key)} ${problem}`);
  }
}

/** Raised for a feature flag that no module of the application declares. */
export class UnknownFeatureError extends CodedError {
  readonly code = 'UNKNOWN_FEATURE';

  constructor(readonly feature: string) {
    super(`no module declares the feature flag ${shownName(feature)}: add it to featureFlags of forFeature`);
  }
}

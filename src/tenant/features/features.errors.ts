import { PublicError } from '../../platform/errors/public-error.js';
import { shownName } from '../../platform/errors/request.errors.js';

/** Raised where a tenant calls what is behind a feature flag that is off for it. */
export class FeatureDisabledError extends PublicError {
  constructor(readonly feature: string) {
    super('FEATURE_DISABLED', `the feature ${shownName(feature)} is not enabled for this tenant`);
  }
}

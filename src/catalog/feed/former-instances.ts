/** The `application_name` of the connection for notifications in former releases, whose instances send stamps without a proof. */
const FORMER_NOTIFICATIONS_APPLICATION = 'tenantry notifications';

/**
 * Counts the running instances of former releases, also those that are not connected to any tenant's database at the
 * moment. For the catalog's database, as its owner.
 */
export const COUNT_FORMER_INSTANCES = `
  SELECT count(*)::int AS instances FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = '${FORMER_NOTIFICATIONS_APPLICATION}'`;

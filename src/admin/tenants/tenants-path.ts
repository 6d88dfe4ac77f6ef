export const TENANTS_PATH = 'admin/v1/tenants';
/** Below it: creates many tenants. */
export const BULK_PATH = 'bulk';

export const TENANTS_PATH = 'admin/v1/tenants';

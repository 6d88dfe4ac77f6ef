export const PLANS_PATH = 'admin/v1/plans';

import { describeLoginRoles } from '../../contracts/login-role.js';

describeLoginRoles('pooled connections', { reuse: true, shared: false });

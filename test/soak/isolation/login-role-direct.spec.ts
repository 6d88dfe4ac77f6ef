import { describeLoginRoles } from '../../contracts/login-role.js';

describeLoginRoles('direct connections', { reuse: false, shared: false });
describeLoginRoles('direct connections to a shared database', { reuse: false, shared: true });

import { describeLoginRoles } from '../../contracts/login-role.js';

describeLoginRoles('direct', false);

import { describeLoginRoles } from '../../../contracts/login-role.js';

describeLoginRoles('pooled', true);

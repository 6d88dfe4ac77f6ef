import { launchDirectly } from '../contracts/launch.js';
import { tenantStatusContract } from '../contracts/tenant-status.js';

tenantStatusContract(launchDirectly);

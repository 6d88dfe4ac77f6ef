import { launchDirectly } from '../contracts/launch.js';
import { isolationContract } from '../contracts/isolation.js';

isolationContract(launchDirectly);

import { launchDirectly } from '../contracts/launch.js';
import { publicRoutesContract } from '../contracts/public-routes.js';

publicRoutesContract(launchDirectly);

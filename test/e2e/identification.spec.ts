import { launchDirectly } from '../contracts/launch.js';
import { identificationContract } from '../contracts/identification.js';

identificationContract(launchDirectly);

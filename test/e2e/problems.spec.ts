import { launchDirectly } from '../contracts/launch.js';
import { problemsContract } from '../contracts/problems.js';

problemsContract(launchDirectly);

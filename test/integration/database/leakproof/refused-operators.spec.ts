import { refusedOperatorsSuite } from '../../../support/leakproof/refused-operators-suite.js';

refusedOperatorsSuite();

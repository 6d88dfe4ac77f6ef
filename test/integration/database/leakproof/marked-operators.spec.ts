import { markedOperatorsSuite } from '../../../support/leakproof/marked-operators-suite.js';

markedOperatorsSuite();

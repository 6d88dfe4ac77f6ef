import { hostileSqlSuite } from '../../support/isolation/hostile-suite.js';

hostileSqlSuite();

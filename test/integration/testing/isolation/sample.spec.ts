import { afterAll, beforeAll, describe } from '@jest/globals';
import { describeTenantIsolation } from '../../../../src/testing.js';
import { TestApp } from '../../../support/test-app.js';

describe('the sample application', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await TestApp.start();
  });

  afterAll(async () => app.dispose());

  describeTenantIsolation(() => app.application.nest);
});

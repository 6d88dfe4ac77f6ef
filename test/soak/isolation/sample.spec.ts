import { afterAll, beforeAll, describe } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { describeTenantIsolation } from '../../../src/testing.js';
import { TestApp } from '../../support/test-app.js';

describe('the sample application', () => {
  let sample: TestApp;
  let app: INestApplication;

  beforeAll(async () => {
    sample = await TestApp.start();
    app = sample.application.nest;
  });

  afterAll(async () => sample.dispose());

  describeTenantIsolation(() => app);
});

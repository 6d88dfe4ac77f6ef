import { afterAll, beforeAll } from '@jest/globals';

const VARIABLES = {
  AWS_ACCESS_KEY_ID: 'AKIAEXAMPLEOFTESTS00',
  AWS_SECRET_ACCESS_KEY: 'secret-of-tests',
  AWS_REGION: 'eu-central-1',
  AWS_EC2_METADATA_DISABLED: 'true',
};

/** Text that no error and no log may contain. */
export const AWS_SECRETS = [VARIABLES.AWS_ACCESS_KEY_ID, VARIABLES.AWS_SECRET_ACCESS_KEY];

/** Sets, for the tests of this file, what the AWS SDK reads from the process environment. */
export function useS3Environment(endpoint: () => string): void {
  const before = { ...process.env };
  beforeAll(() => {
    Object.assign(process.env, VARIABLES, { AWS_ENDPOINT_URL: endpoint() });
  });
  afterAll(() => {
    for (const name of [...Object.keys(VARIABLES), 'AWS_ENDPOINT_URL']) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  });
}

/** The steps in their order. Each can be run again after a crash at any point of it. */
export const PROVISIONING_STEPS = [
  'register-tenant',
  'choose-target',
  'create-role',
  'create-database',
  'create-schema',
  'migrate',
  'activate',
] as const;

export type ProvisioningStep = (typeof PROVISIONING_STEPS)[number];

/** Told before each step and after the last one ('done'); what it throws stops the provisioning there. */
export type ProvisioningObserver = (step: ProvisioningStep | 'done') => void;

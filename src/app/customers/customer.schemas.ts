import { z } from 'zod';
import { boundedText, versionNumber } from '../../rest.js';
import type { Customer } from './customer.entity.js';

/** Used by the API documentation's examples and created for demo tenants, so that "Try it out" works unchanged. */
export const EXAMPLE_CUSTOMER_ID = '0b5f6c1e-6f0a-4c39-9d0e-2a4f8a1c7d11';

const email = z.email().max(254).toLowerCase();
const name = boundedText(200);
const country = z
  .string()
  .regex(/^[A-Z]{2}$/, 'must be the code of a country')
  .nullable();

export const newCustomer = z
  .strictObject({ email, name, country: country.optional() })
  .meta({ id: 'NewCustomer', example: { email: 'katherine@example.com', name: 'Katherine Johnson' } });
export type NewCustomer = z.infer<typeof newCustomer>;

export const customerChange = z
  .strictObject({ version: versionNumber, email: email.optional(), name: name.optional(), country: country.optional() })
  .meta({ id: 'CustomerChange', example: { version: 1, name: 'Ada King' } });
export type CustomerChange = z.infer<typeof customerChange>;

const example = {
  id: EXAMPLE_CUSTOMER_ID,
  email: 'ada@example.com',
  name: 'Ada Lovelace',
  country: 'GB',
  version: 1,
  createdAt: '2026-01-05T09:30:00.000Z',
  updatedAt: '2026-01-05T09:30:00.000Z',
};

export const customerView = z
  .object({
    id: z.guid(),
    email: z.string(),
    name: z.string(),
    country: z.string().nullable(),
    version: z.int().positive(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Customer', example });
export type CustomerView = z.infer<typeof customerView>;

export function toCustomerView(customer: Customer): CustomerView {
  return {
    id: customer.id,
    email: customer.email,
    name: customer.name,
    country: customer.country,
    version: customer.version,
    createdAt: customer.createdAt.toISOString(),
    updatedAt: customer.updatedAt.toISOString(),
  };
}

import { z } from 'zod';

/** A user of the demo tenants. */
export const DEMO_USER = { email: 'ada@example.com', password: 'demo-password-of-ada' };

export const newSession = z
  .strictObject({ email: z.email().max(254).toLowerCase(), password: z.string().min(1).max(200) })
  .meta({ id: 'NewSession', example: DEMO_USER });
export type NewSession = z.infer<typeof newSession>;

export const sessionView = z
  .object({ token: z.string(), expiresAt: z.iso.datetime() })
  .meta({ id: 'Session', example: { token: 'ses_…', expiresAt: '2026-01-05T21:30:00.000Z' } });
export type SessionView = z.infer<typeof sessionView>;

export const membershipList = z
  .object({ items: z.array(z.object({ tenant: z.string(), role: z.enum(['admin', 'member']), status: z.string() })) })
  .meta({ id: 'Memberships', example: { items: [{ tenant: 'acme', role: 'admin', status: 'active' }] } });
export type MembershipList = z.infer<typeof membershipList>;

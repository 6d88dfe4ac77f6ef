import { z } from 'zod';

export const doctorReport = z
  .object({
    healthy: z.boolean().describe('whether no check has failed'),
    checkedAt: z.iso.datetime().describe('when the checks began'),
    durationMs: z.int(),
    findings: z.array(
      z.object({
        check: z.string().describe('stable, such as `login-role`'),
        verdict: z
          .enum(['ok', 'warn', 'fail'])
          .describe('fail: tenants are not served or not isolated; warn: they are, and it should be fixed'),
        subject: z.string().optional().describe('the server, tenant or variable'),
        message: z.string(),
        remedy: z.string().optional().describe('what to do'),
      }),
    ),
  })
  .meta({ id: 'DoctorReport' });
export type DoctorReport = z.infer<typeof doctorReport>;

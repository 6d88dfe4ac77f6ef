import { z } from 'zod';

export const storedSizeView = z
  .object({
    tenant: z.string(),
    bytes: z
      .number()
      .int()
      .nullable()
      .describe('of its rows as they are stored, with their part of the indexes; without what deleted rows have left'),
    rows: z.number().int().nullable(),
    isEstimated: z.boolean().describe('from a sample of the pages: tables are too large to read whole'),
    measuredAt: z.iso.datetime().nullable().describe('null, like bytes and rows, before the first measurement'),
  })
  .meta({
    id: 'StoredSize',
    example: {
      ...{ tenant: 'acme', bytes: 48_120_332, rows: 91_204, isEstimated: false },
      measuredAt: '2026-11-28T10:00:00.000Z',
    },
  });
export type StoredSizeView = z.infer<typeof storedSizeView>;

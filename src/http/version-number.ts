import { z } from 'zod';

/** The version that a change was made from; it must still be the stored one. PostgreSQL's `integer` bounds it. */
export const versionNumber = z.int().min(1).max(2_147_483_647).describe('The version that was read');

import { z } from 'zod';

/** The version that a change is based on, for optimistic locking. Limited to PostgreSQL's `integer`. */
export const versionNumber = z.int().min(1).max(2_147_483_647).describe('The version that the change is based on');

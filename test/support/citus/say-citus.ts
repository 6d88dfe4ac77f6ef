import type { TestDatabase } from '../postgres/postgres.js';

/** Has a database say, in its own catalog, that Citus is installed, with a table that describes distributed ones: none. */
export async function sayCitus({ admin }: Pick<TestDatabase, 'admin'>): Promise<void> {
  await admin(`
    INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
    VALUES (99999, 'citus', 10, 'pg_catalog'::regnamespace, false, '13.2-1');
    CREATE TABLE public.pg_dist_partition (logicalrelid regclass, partmethod "char");
    GRANT SELECT ON public.pg_dist_partition TO PUBLIC`);
}

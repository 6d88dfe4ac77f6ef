/** SQL condition: whether Citus is installed in the connected database. */
export const HAS_CITUS = `EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')`;

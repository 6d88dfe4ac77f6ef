/** Routes of health probes, which are served even during shutdown. */
export const PROBE_ROUTE = /^\/health(?:\/|$)/;

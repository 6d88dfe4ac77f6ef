/** The routes of probes, which are answered in every state of the instance. */
export const PROBE_ROUTE = /^\/health(?:\/|$)/;

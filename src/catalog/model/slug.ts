/** A slug is a DNS label, because it is the tenant's subdomain: RFC 1035 §2.3.1, lower case, 1-63 characters. */
export const SLUG = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Subdomains reserved for the operator. */
const RESERVED: ReadonlySet<string> = new Set([
  'admin', 'api', 'app', 'assets', 'auth', 'cdn', 'docs', 'ftp', 'health', 'help', 'imap', 'localhost', 'login', 'mail',
  'metrics', 'ns1', 'ns2', 'pop', 'smtp', 'static', 'status', 'support', 'tenantry', 'webmail', 'www',
]); // prettier-ignore

/** The form of the name that a deleted tenant keeps in the records of the catalog: `catalog_pseudonym()`. */
const PSEUDONYM = /^deleted-[0-9a-f]{8}$/;

export function isSlug(text: string): boolean {
  return SLUG.test(text) && !RESERVED.has(text) && !PSEUDONYM.test(text);
}

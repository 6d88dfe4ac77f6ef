/** Credentials that are redacted wherever they occur in a line. */
const PATTERNS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/\b((?:tnt|adm)_[a-z0-9]{16})_[\w-]{43}/g, '$1_[redacted]'],
  [/\b(Bearer\s+)(?!tnt_|adm_)[\w.~+/=-]{8,}/gi, '$1[redacted]'],
  [/\b((?:postgres(?:ql)?|rediss?):\/\/[^:@/\s"]*):[^@\s"]*@/g, '$1:[redacted]@'],
];

/** Shorter secrets would match unrelated words. */
const MIN_SECRET_LENGTH = 8;

/** Returns a function that removes the given secrets, and anything that looks like a credential, from a line. */
export function redactor(secrets: readonly (string | undefined)[]): (line: string) => string {
  const known = secrets.filter((secret) => secret !== undefined && secret.length >= MIN_SECRET_LENGTH) as string[];
  return (line) => {
    let redacted = line;
    for (const secret of known) redacted = redacted.replaceAll(secret, '[redacted]');
    for (const [pattern, replacement] of PATTERNS) redacted = redacted.replace(pattern, replacement);
    return redacted;
  };
}

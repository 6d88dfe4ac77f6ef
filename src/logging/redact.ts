/** What must never be readable in a log, wherever in a line it got to. */
const PATTERNS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/\b(tnt_[a-z0-9]{16})_[\w-]{43}/g, '$1_[redacted]'],
  [/\b(Bearer\s+)(?!tnt_)[\w.~+/=-]{8,}/gi, '$1[redacted]'],
  [/\b((?:postgres(?:ql)?|rediss?):\/\/[^:@/\s"]*):[^@\s"]*@/g, '$1:[redacted]@'],
];

/** Shorter ones would take words out of lines that have nothing to do with them. */
const SHORTEST_SECRET = 8;

/** A function that takes secrets out of a line: those given, and what looks like one. */
export function redactor(secrets: readonly (string | undefined)[]): (line: string) => string {
  const known = secrets.filter((secret) => secret !== undefined && secret.length >= SHORTEST_SECRET) as string[];
  return (line) => {
    let redacted = line;
    for (const secret of known) redacted = redacted.replaceAll(secret, '[redacted]');
    for (const [pattern, replacement] of PATTERNS) redacted = redacted.replace(pattern, replacement);
    return redacted;
  };
}

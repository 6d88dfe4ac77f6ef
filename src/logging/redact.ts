/** What must never be readable in a log, wherever in a line it got to. */
const SECRETS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/\b(tnt_[a-z0-9]{16})_[\w-]{43}/g, '$1_[redacted]'],
  [/\b(Bearer\s+)(?!tnt_)[\w.~+/=-]{8,}/gi, '$1[redacted]'],
  [/\b((?:postgres(?:ql)?|rediss?):\/\/[^:@/\s"]*):[^@\s"]*@/g, '$1:[redacted]@'],
  [/("?(?:password|secret|apiKey|authorization|adminApiKey)"?\s*[:=]\s*")[^"]*"/gi, '$1[redacted]"'],
];

/** A line of the log without the secrets that a message, a stack or a field may have carried into it. */
export function redact(line: string): string {
  let redacted = line;
  for (const [pattern, replacement] of SECRETS) redacted = redacted.replace(pattern, replacement);
  return redacted;
}

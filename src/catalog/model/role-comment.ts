/** The comment by which a login role is recognised as ours: a foreign role of the same name is never taken over. */
export function roleComment(targetId: string): string {
  return `login role of connection target ${targetId}`;
}

/** Control characters, and those that change how text is shown, such as the direction of writing. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}]/u;

/** Whether a terminal shows the text differently from what it is. */
export function hasUnprintable(text: string): boolean {
  return UNPRINTABLE.test(text);
}

/** Writes them as `\u202e`, as JSON may have them. */
export function escapeUnprintable(text: string): string {
  return text.replaceAll(new RegExp(UNPRINTABLE, 'gu'), (character) =>
    character.replaceAll(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}

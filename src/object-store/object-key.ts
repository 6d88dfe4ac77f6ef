import { ObjectKeyInvalidError } from './object-store.errors.js';

/** Segments begin with a letter or a digit: neither `..`, nor the hidden names of parts that are being written. */
const KEY = /^(?=.{1,512}$)[A-Za-z\d][\w.-]*(?:\/[A-Za-z\d][\w.-]*)*$/;

export function isObjectKey(text: string): boolean {
  return KEY.test(text);
}

/** @throws ObjectKeyInvalidError */
export function objectKey(text: string): string {
  if (!isObjectKey(text)) throw new ObjectKeyInvalidError();
  return text;
}

/** @returns the prefix, which is empty or ends in `/` @throws ObjectKeyInvalidError */
export function objectPrefix(text: string): string {
  if (text !== '' && !(text.endsWith('/') && isObjectKey(text.slice(0, -1)))) throw new ObjectKeyInvalidError();
  return text;
}

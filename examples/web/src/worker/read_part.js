/** The part of a text that the model reads: its last words. */

import { endOf } from "../../../npm/long_texts.js";
import { lastWords } from "../last_words.js";

/** @import { Facts, Span } from "../types" */

export const HIDDEN = "\ufffc"; // a word that no vocabulary has

/**
 * Leave out what the model does not read, so that a long text takes no longer, and no more memory, than
 * its last words. One word stays for the others; it is not read either, and keeps the start of the
 * review out of the row.
 *
 * @param {string} text
 * @param {Facts} facts Of the model.
 * @returns {{ read: string, words: Span[] }} The words are places in `read`.
 */
export function readPart(text, { maxTokens, tokens }) {
  const words = lastWords(text, maxTokens + 1, tokens);
  if (words.length <= maxTokens) return { read: text, words };
  const read = `${HIDDEN} ${text.slice(words[1].start)}`;
  const shift = read.length - text.length;
  return { read, words: words.slice(1).map(({ start, end }) => ({ start: start + shift, end: end + shift })) };
}

/**
 * The end of a text that has all that is read, by the rule for long texts in examples/traps.md, and of
 * shorter ones, too. It is longer than what is read where words have no space between them.
 *
 * @param {string} text
 * @param {number} mostWords
 */
export const cut = (text, mostWords) =>
  text.length <= 8 * mostWords ? text : endOf(text, mostWords);

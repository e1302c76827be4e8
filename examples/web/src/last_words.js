/** Where the words of a review are, to show them. The model itself takes whole texts and splits them. */

import { endOf as endOfLong } from "../../npm/long_texts.js";

/** @import { Span } from "./types" */

// Version 2 of the rule in toolkit/text/rule.py: ASCII white space and the filter set of the Keras
// Tokenizer; white space, quotes, dashes, the bullet and the ellipsis beyond ASCII.
const SEPARATORS = new Set(
  '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~ \t\n\v\f\r' +
    "\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b" +
    "\u2028\u2029\u202f\u205f\u3000\ufeff\xab\xbb\u2039\u203a" +
    "\u2018\u201a\u201b\u201c\u201d\u201e\u201f\u2010\u2011\u2012\u2013\u2014\u2015\u2022\u2026",
);

/**
 * Find the last words of a text, by the rule of `token_spans` in toolkit/text/vocabulary.py; from the end, so
 * that a long text takes no longer than its last words.
 *
 * @param {string} text
 * @param {number} most How many.
 * @param {string | null} tokens As in the facts of the model.
 * @returns {Span[]} In order.
 */
export function lastWords(text, most, tokens) {
  return tokens === null ? lastBetweenSeparators(text, most) : lastTokens(text, most, tokens);
}

/**
 * @param {string} text
 * @param {number} most
 * @param {string} tokens
 */
function lastTokens(text, most, tokens) {
  const whole = text.slice(0, endOf(text));
  const read = endOfLong(whole, most);
  const from = whole.length - read.length;
  const lower = read.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  const found = [...lower.matchAll(new RegExp(tokens, "gu"))].filter(([token]) => !/^[<&]/.test(token));
  return found.slice(-most).map(({ 0: { length }, index }) => ({ start: from + index, end: from + index + length }));
}

/**
 * @param {string} text
 * @param {number} most
 */
function lastBetweenSeparators(text, most) {
  /** @type {Span[]} */
  const found = [];
  let end = endOf(text);
  while (found.length < most) {
    while (end > 0 && SEPARATORS.has(text[end - 1])) end -= 1;
    if (end === 0) break;
    let start = end - 1;
    while (start > 0 && !SEPARATORS.has(text[start - 1])) start -= 1;
    found.push({ start, end });
    end = start;
  }
  return found.reverse();
}

/**
 * Where a text ends: at its first NUL.
 *
 * @param {string} text
 */
export function endOf(text) {
  const nul = text.indexOf("\0");
  return nul < 0 ? text.length : nul;
}

/** Where the words of a review are, to show them. The model itself takes whole texts and splits them. */

/** @typedef {{ start: number, end: number }} Span Of UTF-16 units, as in `String.slice`. */

// ASCII white space and the filter set of the Keras Tokenizer, as in toolkit/text/split.py.
const SEPARATORS = new Set('!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~ \t\n\v\f\r');

/**
 * Find the last words of a text, by the rule of `token_spans` in toolkit/text/vocabulary.py; from the end, so
 * that a long text takes no longer than its last words.
 *
 * @param {string} text
 * @param {number} most How many.
 * @returns {Span[]} In order.
 */
export function lastWords(text, most) {
  /** @type {Span[]} */
  const found = [];
  let end = text.length;
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

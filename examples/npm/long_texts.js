// Batches of texts that take little memory: ONNX Runtime makes a table of all words of a batch, as
// wide as its longest text. The same in Node and on web pages.

const AT_ONCE = 32;
const LONG = 8_000; // UTF-16 units

// What separates words in every version of the token rule (toolkit/text/rule.py).
const SEPARATORS = new Set("!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~ \t\n\v\f\r");
const LONGEST_TAG = 220;
const OF_ENTITIES = new Set("&#;");
const LETTER_OR_DIGIT = /[\p{L}\p{N}]/u;

/**
 * Divide texts into batches: a long one goes alone, and only its end, with all that is read.
 *
 * @param {Iterable<unknown>} texts What is not a string counts as "".
 * @param {number} maxTokens That the model reads.
 * @returns {Generator<string[], void>}
 */
export function* batchesOf(texts, maxTokens) {
  // A string is iterable, too: it would be scored letter by letter.
  if (typeof texts === "string") throw new TypeError("expected several texts; put one into an array");
  /** @type {string[]} */
  let batch = [];
  for (const each of texts) {
    const text = typeof each === "string" ? each : ""; // which has no known word
    const isLong = text.length > LONG;
    if (batch.length === AT_ONCE || (isLong && batch.length > 0)) {
      yield batch;
      batch = [];
    }
    if (isLong) yield [endOf(text, maxTokens)];
    else batch.push(text);
  }
  if (batch.length > 0) yield batch;
}

/**
 * Cut off what the model does not read: each word with a letter or digit is one token or more, if it is not
 * of a tag or an entity of HTML, nor after an entity, which may be an apostrophe.
 *
 * @param {string} text
 * @param {number} maxTokens
 */
export function endOf(text, maxTokens) {
  const nul = text.indexOf("\0"); // where most models end a text
  let isWord = false;
  let ofTag = 0; // characters that may be of a tag
  for (let at = nul < 0 ? text.length : nul, words = 0; at > 0; at -= 1) {
    const character = text[at - 1];
    if (!SEPARATORS.has(character)) {
      isWord ||= ofTag === 0 && LETTER_OR_DIGIT.test(character);
    } else if (isWord) {
      isWord = false;
      words += OF_ENTITIES.has(character) ? 0 : 1;
      if (words === maxTokens) return text.slice(at);
    }
    if (character === ">") ofTag = LONGEST_TAG;
    else if (character === "<") ofTag = 0;
    else if (ofTag > 0) ofTag -= 1;
  }
  return text;
}

/** The sentences of a review, by the rule of toolkit/model/sentences.py, with their scores. */

import { endOf, lastWords } from "../last_words.js";

/** @import { Facts, Sentence, Sentences, Span } from "../types" */
/** @import { Model } from "./session.js" */

const CONTRASTS = new Set(["but", "however", "although", "though", "whereas", "except"]);
const NO_CONTRAST_AFTER = new Set(["nothing", "anything", "everything", "all", "none", "as", "help"]);
const NO_CONTRAST_BEFORE = "also";
const EMOJI = /^[\p{Extended_Pictographic}\u{1f1e6}-\u{1f1ff}]/u;
/** @type {Record<string, string>} */
const MARKS_BY_NAME = { excl: "!", quest: "?", period: ".", newline: "\n", hellip: "…" };

/**
 * @param {Model} model
 * @param {string} text Not blank.
 * @returns {Promise<Sentences>}
 */
export async function scoreSentences(model, text) {
  const spans = sentencesOf(text, model.facts);
  // A review that is one sentence has its own score, whatever is not read of it.
  const texts = spans.length === 1 ? [text] : spans.map(({ from, end }) => text.slice(from, end));
  const { probabilities } = await model.score(texts);
  const [whole] = (await model.score([text])).probabilities;
  const sentences = spans.flatMap((span, place) =>
    Number.isNaN(probabilities[place])
      ? []
      : [{ start: span.start, end: span.end, probability: probabilities[place] }],
  );
  return { sentences, isMixed: isMixed(sentences, whole, model.facts.mixed) };
}

/**
 * @param {Sentence[]} sentences
 * @param {number} whole The probability of the review.
 * @param {[number, number, number, number]} limits
 */
function isMixed(sentences, whole, [negative, positive, low, high]) {
  const count = (/** @type {(probability: number) => boolean} */ isSo) =>
    sentences.filter(({ probability }) => isSo(probability)).length;
  const counts = [count((each) => each <= Math.fround(negative)), count((each) => each >= Math.fround(positive))];
  const [fewer, more] = [Math.min(...counts), Math.max(...counts)];
  return fewer > 0 && 2 * fewer >= more && whole >= Math.fround(low) && whole <= Math.fround(high);
}

/**
 * @param {string} text
 * @param {Pick<Facts, "maxTokens" | "tokens">} facts Of the model.
 * @returns {(Span & { from: number })[]} With the marks after the last word that are written without a
 *   space. A `<br />` before the start counts as words of the sentence, which begins `from` there.
 */
export function sentencesOf(text, { maxTokens, tokens }) {
  const words = lastWords(text, maxTokens, tokens);
  const written = words.map(({ start, end }) => text.slice(start, end).toLowerCase().replaceAll("’", "'"));
  const begins = words.map((_, place) => place === 0 || endsBefore(text, words, written, place));
  /** @type {Set<number>} */
  const dropped = new Set(); // words of contrast, which belong to no sentence
  const isContrast = words.map((_, place) => separates(written, begins, place));
  isContrast.forEach((is, place) => {
    if (!is) return;
    const first = written[place - 1] === "even" ? place - 1 : place;
    for (let word = first; word <= place; word += 1) dropped.add(word);
    begins[first] = begins[place + 1] = true;
  });
  /** @type {Span[]} */
  const found = [];
  words.forEach((word, place) => {
    if (dropped.has(place)) return;
    const next = words[place + 1]?.start ?? endOf(text);
    const end = word.end + marksAt(text.slice(word.end, next));
    const last = found.at(-1);
    if (begins[place] || !last) found.push({ start: word.start, end });
    else last.end = end;
  });
  return found.map(({ start, end }) => ({ start: afterBreaks(text, start, end), end, from: start }));
}

/**
 * Whether a word of contrast divides a sentence.
 *
 * @param {string[]} written The words.
 * @param {boolean[]} begins
 * @param {number} place
 */
function separates(written, begins, place) {
  if (!CONTRASTS.has(written[place]) || begins[place] || place + 1 === written.length || begins[place + 1]) {
    return false;
  }
  const before = written[place - 1];
  const isOther =
    NO_CONTRAST_AFTER.has(before) ||
    written[place + 1] === NO_CONTRAST_BEFORE ||
    (before === "even" && begins[place - 1]);
  return !isOther;
}

/**
 * Whether a sentence ends between a word and the one before it.
 *
 * @param {string} text
 * @param {Span[]} words
 * @param {string[]} written
 * @param {number} place
 */
function endsBefore(text, words, written, place) {
  const before = words[place - 1];
  const gap = withoutMarkup(text.slice(before.end, words[place].start));
  if (/[!?\n\r\v…\u2028\u2029\x85]|\../s.test(gap)) return true;
  if (gap.endsWith(".") && EMOJI.test(written[place])) return true;
  const withWord = text.slice(Math.max(0, before.end - 9), before.end) + gap;
  for (let at = gap.indexOf(";"); at >= 0; at = gap.indexOf(";", at + 1)) {
    const end = withWord.length - gap.length + at;
    if (!/&[#a-z0-9]{1,8}$/i.test(withWord.slice(Math.max(0, end - 9), end))) return true;
  }
  const isBreak = gap.endsWith("<") && written[place] === "br" && /^[ />]/.test(text.slice(words[place].end));
  return isBreak && !(written[place - 1] === "br" && /^ ?\/?> ?<$/.test(gap));
}

/**
 * Write a gap between words without the tags and entities that it has as a whole.
 *
 * @param {string} gap
 */
const withoutMarkup = (gap) =>
  gap
    .replace(/<[^<>]*>/g, (tag) => (/^<br[^a-z0-9]/i.test(tag) ? "\n" : " "))
    .replace(/&(?:#(\d+)|#x([\da-f]+)|([a-z]+));/gi, (_whole, decimal, hexadecimal, name) => {
      const code = decimal ? Number(decimal) : parseInt(hexadecimal, 16);
      const mark = name ? MARKS_BY_NAME[name.toLowerCase()] : code < 0x10000 ? String.fromCharCode(code) : "";
      return mark && /[!?.\n\r\v…\u2028\u2029\x85]/.test(mark) ? mark : " ";
    });

/**
 * How many marks of a gap belong to the word before it: up to a space or a tag.
 *
 * @param {string} gap
 */
const marksAt = (gap) => gap.search(/[\s\x1c-\x1f\x85\0<]|$/);

/**
 * Where a sentence starts without the `<br />` before it.
 *
 * @param {string} text
 * @param {number} start
 * @param {number} end
 */
function afterBreaks(text, start, end) {
  if (text[start - 1] !== "<") return start;
  const [breaks] = /** @type {RegExpMatchArray} */ (text.slice(start, end).match(/^(<?br ?\/?>\s*)*/i));
  return breaks.length < end - start ? start + breaks.length : start;
}

/**
 * What each word adds to a score: how far the logit falls when the word alone is hidden (occlusion;
 * toolkit/model/explanation.py has the reasons), by changed texts alone.
 */

import { lastWords } from "../last_words.js";
import { otherMessages } from "./other_messages.js";

/** @import { WeighedWord } from "../types" */
/** @import { Span } from "../last_words.js" */
/** @import { Model } from "./session.js" */

const HIDDEN = "\ufffc"; // a word that no vocabulary has

// Small, as a review that is typed meanwhile waits for the batch that is scored.
const MOST_ROWS = 32;
const BATCH_LETTERS = 16_000;

// Twice as many as 512 words of usual length take.
const ALL_LETTERS = 3_000_000;

/**
 * @param {Model} model
 * @param {string} text Not blank.
 * @param {number} mostWords How many words at its end the model reads.
 * @param {() => boolean} isStopped
 * @returns {Promise<WeighedWord[] | null>} In order; null if it was stopped. Of very long words, the
 *   last ones only, as hiding each would take too long.
 */
export async function explain(model, text, mostWords, isStopped) {
  const { read, words } = readPart(text, mostWords);
  const affordable = Math.floor(ALL_LETTERS / Math.max(1, read.length));
  const hidden = words.slice(Math.max(0, words.length - affordable));
  if (!hidden.length) return [];
  const [logit] = await logits(model, [read]);
  /** @type {number[]} */
  const found = [];
  for (const part of batches(hidden, read.length)) {
    await otherMessages();
    if (isStopped()) return null;
    const texts = part.map(({ start, end }) => read.slice(0, start) + HIDDEN + read.slice(end));
    found.push(...(await logits(model, texts)));
  }
  const before = text.length - read.length;
  return hidden.map(({ start, end }, place) => ({
    start: start + before,
    end: end + before,
    contribution: logit - found[place],
  }));
}

/**
 * Leave out what the model does not read, so that long reviews take no longer. One word stays for
 * it, which is not read either: it keeps the start of the review out of the row.
 *
 * @param {string} text
 * @param {number} mostWords
 */
function readPart(text, mostWords) {
  const words = lastWords(text, mostWords + 1);
  if (words.length <= mostWords) return { read: text, words };
  const read = `${HIDDEN} ${text.slice(words[1].start)}`;
  return { read, words: lastWords(read, mostWords) };
}

/**
 * @param {Span[]} words
 * @param {number} letters Of the text.
 */
function* batches(words, letters) {
  const rows = Math.max(1, Math.min(MOST_ROWS, Math.floor(BATCH_LETTERS / letters)));
  for (let start = 0; start < words.length; start += rows) yield words.slice(start, start + rows);
}

// Of float32, the largest number below 1 is 1 - 2 ** -24.
const NEAREST = 2 ** -24;

/**
 * The log-odds, as in toolkit/model/logits.py. The model gives probabilities in float32, which near 1 are
 * 6e-8 apart, and the sigmoid of ONNX Runtime is no finer near 0: a contribution is exact to 1e-5 at
 * a probability of 0.99 or 0.01 and to 1e-3 at 0.9999, but to tenths at a logit of 15. From 16.6 on,
 * the clipping leaves nothing of it. `Scorer.explain` takes the logits out of the network.
 *
 * @param {Model} model
 * @param {string[]} texts
 */
async function logits(model, texts) {
  const { probabilities } = await model.run(texts);
  return Array.from(probabilities, (probability) => {
    const inside = Math.min(Math.max(probability, NEAREST), 1 - NEAREST);
    return Math.log(inside) - Math.log1p(-inside);
  });
}

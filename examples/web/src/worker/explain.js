/**
 * The logit of a text as a sum over its words: their Shapley values (Shapley 1953; for models: Štrumbelj
 * and Kononenko 2010), by changed texts alone.
 *
 * All words are hidden first. Then one after another is shown, and the word gets what the logit rises
 * by that. Over all words this adds up to the logit, in any order; the mean is taken over some orders,
 * each forwards and backwards. Of a logit that is a sum over words and pairs of neighbours, two are
 * enough: every pair is then divided between its words, as `toolkit explain` does it.
 *
 * Of other models, `toolkit explain` says how far the logit falls when a word alone is hidden. Of "not
 * bad", both words then get more than the review has, and the sum is far from the score.
 */

import { otherMessages } from "./other_messages.js";
import { HIDDEN, readPart } from "./read_part.js";

/** @import { Explanation, Span } from "../types" */
/** @import { Model } from "./session.js" */

const MOST_ORDERS = 16; // each also backwards
const MORE_LETTERS = 600_000; // for the orders after the first

// Small, as a review that is typed meanwhile waits for the batch that is scored.
const MOST_ROWS = 32;
const BATCH_LETTERS = 16_000;

// Twice as many as 512 words of usual length take.
const ALL_LETTERS = 6_000_000;

/**
 * @param {Model} model
 * @param {string} text Not blank.
 * @param {() => boolean} isStopped
 * @returns {Promise<Explanation | null>} The words in order; null if it was stopped. Of very long words,
 *   the last ones only, as hiding each would take too long.
 */
export async function explain(model, text, isStopped) {
  const { read, words } = readPart(text, model.facts);
  const affordable = Math.floor(ALL_LETTERS / 2 / Math.max(1, read.length));
  const weighed = words.slice(Math.max(0, words.length - affordable));
  const {
    logits: [logit, start],
  } = await model.run([read, withHidden(read, weighed, weighed.map(() => true))]);
  const shares = await meanShares(model, read, weighed, { logit, start }, isStopped);
  if (!shares) return null;
  const shift = text.length - read.length;
  return {
    logit,
    start,
    words: weighed.map((word, place) => ({
      start: word.start + shift,
      end: word.end + shift,
      contribution: shares[place],
    })),
    isPart: weighed.length < words.length,
  };
}

/**
 * @param {Model} model
 * @param {string} text
 * @param {Span[]} words
 * @param {{ logit: number, start: number }} ends Of the text, and with all these words hidden.
 * @param {() => boolean} isStopped
 * @returns {Promise<Float64Array | null>}
 */
async function meanShares(model, text, words, ends, isStopped) {
  const sums = new Float64Array(words.length);
  const orders = someOrders(words.length, 2 * words.length * text.length);
  for (const order of orders) {
    const logits = [ends.start];
    for (const part of batches(order, text.length)) {
      await otherMessages();
      if (isStopped()) return null;
      const found = await model.run(part.map((shown) => withHidden(text, words, hiddenAfter(order, shown))));
      logits.push(...found.logits);
    }
    logits.push(ends.logit);
    order.forEach((word, step) => (sums[word] += (logits[step + 1] - logits[step]) / orders.length));
  }
  return sums;
}

/**
 * Orders of some words, each followed by the same backwards; the first is that of the text.
 *
 * @param {number} count Of the words.
 * @param {number} letters That two orders take.
 * @returns {number[][]}
 */
function someOrders(count, letters) {
  const places = Array.from({ length: count }, (_, place) => place);
  const affordable = Math.floor(MORE_LETTERS / Math.max(1, letters));
  const random = randomNumbers();
  const orders = [places];
  const wanted = count < 3 ? 1 : Math.max(1, Math.min(MOST_ORDERS, affordable));
  while (orders.length < wanted) orders.push(shuffled(places, random));
  return orders.flatMap((order) => [order, order.toReversed()]);
}

/**
 * @param {number[]} values
 * @param {() => number} random
 */
function shuffled(values, random) {
  const found = [...values];
  for (let last = found.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [found[last], found[other]] = [found[other], found[last]];
  }
  return found;
}

/** Numbers from 0 to below 1, the same for every text (mulberry32). */
function randomNumbers() {
  let state = 1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Which words are hidden after some of an order are shown.
 *
 * @param {number[]} order
 * @param {number} shown
 */
function hiddenAfter(order, shown) {
  const isHidden = order.map(() => true);
  for (const place of order.slice(0, shown)) isHidden[place] = false;
  return isHidden;
}

/**
 * @param {string} text
 * @param {Span[]} words
 * @param {boolean[]} isHidden
 */
function withHidden(text, words, isHidden) {
  let changed = "";
  let end = 0;
  words.forEach((word, place) => {
    if (!isHidden[place]) return;
    changed += `${text.slice(end, word.start)} ${HIDDEN} `; // it may touch an emoji
    end = word.end;
  });
  return changed + text.slice(end);
}

/**
 * How many words are shown in each text between the first and the last, in batches.
 *
 * @param {number[]} order
 * @param {number} letters Of the text.
 */
function* batches(order, letters) {
  const rows = Math.max(1, Math.min(MOST_ROWS, Math.floor(BATCH_LETTERS / letters)));
  for (let start = 1; start < order.length; start += rows) {
    const length = Math.min(rows, order.length - start);
    yield Array.from({ length }, (_, row) => start + row);
  }
}

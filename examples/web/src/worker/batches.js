/** Batches of texts of similar length, so that they have little padding. */

// A batch takes memory and time for as many words as its longest text has, for each of its rows. The
// letters bound how long a review that is typed has to wait.
const MOST_ROWS = 32;
const MOST_LETTERS = 120_000;

/**
 * Split texts into batches: the positions of each, shortest texts first.
 *
 * @param {string[]} texts
 * @returns {Generator<number[], void>}
 */
export function* batchesByLength(texts) {
  const order = texts.map((_, place) => place).sort((a, b) => texts[a].length - texts[b].length);
  let start = 0;
  while (start < order.length) {
    let stop = start + 1;
    while (stop < order.length && fits(stop + 1 - start, texts[order[stop]].length)) stop += 1;
    yield order.slice(start, stop);
    start = stop;
  }
}

/**
 * @param {number} rows
 * @param {number} longest
 */
const fits = (rows, longest) => rows <= MOST_ROWS && rows * longest <= MOST_LETTERS;

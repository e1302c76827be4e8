/** Batches of texts of like length, so that little of them is padding. */

// As in the toolkit's scorer, with five letters for a token.
const MOST_ROWS = 64;
const MOST_LETTERS = 40_000;

/**
 * Part texts into batches: the places of each, shortest texts first.
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

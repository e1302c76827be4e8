// An open model, the same for all runtimes; they differ in `run`.

import { batchesOf } from "./long_texts.js";

/** @import { Score } from "./index" */

export const MAX_TOKENS = 512; // that the shipped models read at most, as `toolkit info` says

export class Model {
  /**
   * @param {(texts: string[]) => Promise<Record<string, { data: any }>>} run Gives the outputs of the model.
   * @param {() => Promise<void>} close
   * @param {number} maxTokens
   */
  constructor(run, close, maxTokens) {
    this.run = run;
    this.close = close;
    this.maxTokens = maxTokens;
  }

  /**
   * Score any number of texts of any length.
   *
   * @param {Iterable<unknown>} texts
   * @returns {Promise<Score[]>}
   */
  async score(texts) {
    const found = [];
    for (const batch of batchesOf(texts, this.maxTokens)) {
      const { label, probability, stars, known_tokens: known } = await this.run(batch);
      for (let i = 0; i < batch.length; i += 1) {
        const knownTokens = known?.data[i]; // not in files before format 3
        const isKnown = knownTokens !== 0; // else the model says the same of every such text
        found.push({
          label: isKnown ? label.data[i] : "",
          probability: isKnown ? shortest(probability.data[i]) : NaN,
          stars: stars && (isKnown ? shortest(stars.data[i]) : NaN),
          knownTokens,
        });
      }
    }
    return found;
  }
}

/**
 * The number with the fewest digits that is the same float32: 0.9595864 for 0.9595863819122314.
 *
 * @param {number} value
 */
function shortest(value) {
  let digits = 1;
  while (digits < 9 && Math.fround(Number(value.toPrecision(digits))) !== value) digits += 1;
  return Number(value.toPrecision(digits));
}

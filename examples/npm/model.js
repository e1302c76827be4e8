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
        found.push({
          label: knownTokens === 0 ? "" : label.data[i],
          probability: probability.data[i],
          stars: stars?.data[i],
          knownTokens,
        });
      }
    }
    return found;
  }
}

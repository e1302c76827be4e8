// Sentiment in Node: the model file takes raw text, so onnxruntime-node is all it needs.

import { InferenceSession, Tensor } from "onnxruntime-node";
import { batchesOf } from "./long_texts.js";

const MAX_TOKENS = 512; // that the shipped models read at most, as `toolkit info` says

/** @import { InferenceSession as Session } from "onnxruntime-node" */

/**
 * Open a model file, from its path or its bytes.
 *
 * @param {string | Uint8Array} model
 * @returns {Promise<Session>}
 */
export const open = (model) => InferenceSession.create(model, { intraOpNumThreads: 1 }); // it is small

/**
 * Score any number of texts; what is not a string counts as "".
 *
 * Gives { label, probability, stars, knownTokens } of each. The label is "" where the model knows no
 * word, which is no opinion; stars are undefined if the model does not tell them.
 *
 * @param {Session} session
 * @param {Iterable<unknown>} texts
 * @returns {Promise<{ label: string, probability: number, stars?: number, knownTokens?: number }[]>}
 */
export async function score(session, texts, maxTokens = MAX_TOKENS) {
  const found = [];
  for (const batch of batchesOf(texts, maxTokens)) {
    const answers = await session.run({ text: new Tensor("string", batch, [batch.length]) });
    for (let i = 0; i < batch.length; i += 1) {
      const knownTokens = answers.known_tokens?.data[i]; // not in files before format 3
      found.push({
        label: knownTokens === 0 ? "" : answers.label.data[i],
        probability: answers.probability.data[i],
        stars: answers.stars?.data[i],
        knownTokens,
      });
    }
  }
  return found;
}

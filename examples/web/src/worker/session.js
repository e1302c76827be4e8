/** The model in ONNX Runtime's WebAssembly build: raw texts in, probabilities and labels out. */

import * as ort from "onnxruntime-web/wasm";

import { batchesByLength } from "./batches.js";
import { withOutput } from "./more_outputs.js";
import { cut } from "./read_part.js";
import { sendable } from "./sendable.js";

/** @import { Facts, Scores } from "../types" */

/**
 * @typedef {object} Found One for each text.
 * @property {Float32Array} probabilities
 * @property {string[]} labels
 * @property {number[]} known How many of the tokens that are read are words that the model knows.
 * @property {Float32Array} stars NaN if the model tells none.
 * @property {number[]} logits
 */

// White space in the sense of Python's str.isspace, so that the same texts count as blank.
const FILLED = /[^\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** @param {string} text */
export const isBlank = (text) => !FILLED.test(text);

export class Model {
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();

  /**
   * @param {ort.InferenceSession} session
   * @param {Facts} facts
   */
  constructor(session, facts) {
    this.session = session;
    this.facts = facts;
  }

  /**
   * @param {ArrayBuffer | null} wasm ONNX Runtime; null: it was given before.
   * @param {ArrayBuffer} model
   * @param {Facts} facts
   */
  static async load(wasm, model, facts) {
    if (wasm) ort.env.wasm.wasmBinary = wasm;
    ort.env.wasm.numThreads = 1; // more need a page that is isolated from other origins
    ort.env.logLevel = "error";
    const bytes = facts.logit ? withOutput(model, facts.logit) : new Uint8Array(model);
    const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
    return new Model(session, facts);
  }

  /** Free its memory; nothing may be asked of it any more. */
  async release() {
    await this.#last;
    await this.session.release();
  }

  /**
   * Score some texts; calls wait for each other. Blank texts, and those of which the model knows no
   * word, have no score.
   *
   * @param {string[]} texts
   * @returns {Promise<Scores>}
   */
  async score(texts) {
    /** @type {Scores} */
    const scores = {
      probabilities: new Float32Array(texts.length).fill(NaN),
      labels: texts.map(() => ""),
      stars: new Float32Array(texts.length).fill(NaN),
    };
    const filled = texts.flatMap((text, place) => (isBlank(text) ? [] : [place]));
    const read = filled.map((place) => cut(texts[place], this.facts.maxTokens));
    for (const batch of batchesByLength(read)) {
      const found = await this.run(batch.map((at) => read[at]));
      batch.forEach((at, row) => {
        if (!found.known[row]) return;
        scores.probabilities[filled[at]] = found.probabilities[row];
        scores.labels[filled[at]] = found.labels[row];
        scores.stars[filled[at]] = found.stars[row];
      });
    }
    return scores;
  }

  /**
   * Give all that the model says of some texts, as one batch, with or without a word that it knows.
   *
   * @param {string[]} texts Few, and cut: a batch takes as much memory as its longest text for each.
   * @returns {Promise<Found>}
   */
  run(texts) {
    const found = this.#last.then(() => this.#run(texts));
    this.#last = found.catch(() => {});
    return found;
  }

  /**
   * @param {string[]} texts
   * @returns {Promise<Found>}
   */
  async #run(texts) {
    const text = new ort.Tensor("string", texts.map(sendable), [texts.length]);
    const results = await this.session.run({ text });
    const { probability, label, known_tokens, stars } = results;
    const probabilities = /** @type {Float32Array} */ (probability.data).slice();
    const logit = this.facts.logit ? results[this.facts.logit] : null;
    const found = {
      probabilities,
      labels: /** @type {string[]} */ (label.data),
      // Files before format 3 do not count them.
      known: known_tokens ? Array.from(/** @type {Int32Array} */ (known_tokens.data)) : texts.map(() => 1),
      stars: stars ? /** @type {Float32Array} */ (stars.data).slice() : new Float32Array(texts.length).fill(NaN),
      logits: logit ? Array.from(/** @type {Float32Array} */ (logit.data)) : Array.from(probabilities, logitOf),
    };
    for (const tensor of [text, ...Object.values(results)]) tensor.dispose();
    return found;
  }
}

// Of float32, the largest number below 1 is 1 - 2 ** -24.
const NEAREST = 2 ** -24;

/**
 * The log-odds of a probability, as in toolkit/model/logits.py; near 0 and 1 it is coarse.
 *
 * @param {number} probability
 */
function logitOf(probability) {
  const inside = Math.min(Math.max(probability, NEAREST), 1 - NEAREST);
  return Math.log(inside) - Math.log1p(-inside);
}

/** The model in ONNX Runtime's WebAssembly build: raw texts in, probabilities and labels out. */

import * as ort from "onnxruntime-web/wasm";

/** @import { Scores } from "../types" */

/**
 * @typedef {object} Found One for each text.
 * @property {Float32Array} probabilities
 * @property {string[]} labels
 * @property {number[]} known How many of the tokens that are read are words that the model knows.
 */

// White space in the sense of Python's str.isspace, so that the same texts count as blank.
const FILLED = /[^\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** @param {string} text */
export const isBlank = (text) => !FILLED.test(text);

export class Model {
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();

  /** @param {ort.InferenceSession} session */
  constructor(session) {
    this.session = session;
  }

  /**
   * @param {ArrayBuffer} wasm
   * @param {ArrayBuffer} model
   */
  static async load(wasm, model) {
    ort.env.wasm.wasmBinary = wasm;
    ort.env.wasm.numThreads = 1; // more need a page that is isolated from other origins
    ort.env.logLevel = "error";
    return new Model(await ort.InferenceSession.create(model, { executionProviders: ["wasm"] }));
  }

  /**
   * Score some texts, as one batch; calls wait for each other. Blank texts, and those of which the
   * model knows no word, have no score.
   *
   * @param {string[]} texts
   * @returns {Promise<Scores>}
   */
  async score(texts) {
    /** @type {Scores} */
    const scores = {
      probabilities: new Float32Array(texts.length).fill(NaN),
      labels: texts.map(() => ""),
    };
    const filled = texts.flatMap((text, place) => (isBlank(text) ? [] : [place]));
    const found = await this.run(filled.map((place) => texts[place]));
    filled.forEach((place, row) => {
      if (!found.known[row]) return;
      scores.probabilities[place] = found.probabilities[row];
      scores.labels[place] = found.labels[row];
    });
    return scores;
  }

  /**
   * Give all that the model says of some texts, as one batch, with or without a word that it knows.
   *
   * @param {string[]} texts
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
    const { probability, label, known_tokens } = await this.session.run({ text });
    const found = {
      probabilities: /** @type {Float32Array} */ (probability.data).slice(),
      labels: /** @type {string[]} */ (label.data),
      // Files before format 3 do not count them.
      known: known_tokens ? Array.from(/** @type {Int32Array} */ (known_tokens.data)) : texts.map(() => 1),
    };
    for (const tensor of [text, probability, label, known_tokens]) tensor?.dispose();
    return found;
  }
}

const CAPITALS = /(?![A-Z])\p{Changes_When_Lowercased}/gu; // outside ASCII

/**
 * The WebAssembly build lowercases letters outside ASCII, too, as musl's `towlower` does. Most come
 * to the same word as elsewhere: models know words in capitals. A few do not, such as U+212A, which
 * becomes an ASCII letter; one for private use leaves words with them unknown.
 *
 * Half a surrogate pair becomes U+FFFD, as in the toolkit.
 *
 * @param {string} text
 */
const sendable = (text) =>
  text.toWellFormed().replace(CAPITALS, (letter) => {
    const small = letter.toLowerCase();
    return [...small].length === 1 && small.toUpperCase() === letter ? letter : "\ue000";
  });

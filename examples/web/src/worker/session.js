/** The model in ONNX Runtime's WebAssembly build: raw texts in, probabilities and labels out. */

import * as ort from "onnxruntime-web/wasm";

/** @import { Scores } from "../types" */

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
   * Score some texts, as one batch; calls wait for each other.
   *
   * @param {string[]} texts
   * @returns {Promise<Scores>}
   */
  score(texts) {
    const scores = this.#last.then(() => this.#score(texts));
    this.#last = scores.catch(() => {});
    return scores;
  }

  /** @param {string[]} texts */
  async #score(texts) {
    /** @type {Scores} */
    const scores = {
      probabilities: new Float32Array(texts.length).fill(NaN),
      labels: texts.map(() => ""),
    };
    const filled = texts.flatMap((text, place) => (isBlank(text) ? [] : [place]));
    if (!filled.length) return scores; // an empty batch is refused
    const input = new ort.Tensor("string", filled.map((place) => sendable(texts[place])));
    const { probability, label } = await this.session.run({ text: input });
    filled.forEach((place, row) => {
      scores.probabilities[place] = /** @type {Float32Array} */ (probability.data)[row];
      scores.labels[place] = /** @type {string[]} */ (label.data)[row];
    });
    probability.dispose();
    label.dispose();
    return scores;
  }
}

// Letters outside ASCII that have a lowercase form.
const OTHER_CAPITALS = /(?![A-Z])\p{Changes_When_Lowercased}/gu;

/**
 * Correct what the WebAssembly build does to strings, so that they become the same token ids as
 * elsewhere:
 *
 * - They end at NUL, as in C. Another control character makes an unknown word of the word, too.
 * - All letters are lowercased, whatever the locale, as musl's `towlower` does; by the rule of the
 *   toolkit, ASCII letters are. A letter for private use leaves words with others unknown.
 * - Half a surrogate pair becomes U+FFFD, as in the toolkit.
 *
 * @param {string} text
 */
const sendable = (text) =>
  text.toWellFormed().replaceAll("\0", "\x01").replace(OTHER_CAPITALS, "\ue000");

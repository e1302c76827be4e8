/** The worker as the page sees it: promises of scores. */

import { loadAsset, workerAddress } from "./assets.js";

/** @import { Reply, Request, ScoredFile, Scores, WeighedWord } from "./types" */

/** The visitor has to say which column has the texts. */
export class ColumnWanted extends Error {
  /** @param {string[]} columns */
  constructor(columns) {
    super("which column has the reviews?");
    this.columns = columns;
  }
}

/** @typedef {Extract<Reply, { kind: "progress" }>} Progress */

/**
 * @typedef {object} Waiting
 * @property {(value: any) => void} resolve
 * @property {(error: Error) => void} reject
 * @property {(progress: Progress) => void} onProgress
 */

/** @template T @typedef {T extends unknown ? Omit<T, "id"> : never} WithoutId */

export class Scorer {
  /** @type {Map<number, Waiting>} */
  #waiting = new Map();
  #count = 0;

  /** @param {Worker} worker */
  constructor(worker) {
    this.worker = worker;
    worker.onmessage = ({ data }) => this.#take(data);
    worker.onerror = ({ message }) => this.#failAll(`the worker has failed: ${message}`);
  }

  /** Start the worker with the model. */
  static async load() {
    const [wasm, model, address] = await Promise.all([
      loadAsset("ort.wasm"),
      loadAsset("model.onnx"),
      workerAddress(),
    ]);
    const scorer = new Scorer(new Worker(address));
    await scorer.#ask({ kind: "load", wasm, model }, { transfer: [wasm, model] }).answer;
    return scorer;
  }

  /**
   * Score some texts, as one batch.
   *
   * @param {string[]} texts
   * @returns {Promise<Scores>}
   */
  score(texts) {
    return this.#ask({ kind: "score", texts }).answer;
  }

  /**
   * Find what each word of a text adds to its score.
   *
   * @param {string} text Not blank.
   * @param {number} mostWords How many words at its end the model reads.
   * @returns {{ stop: () => void, answer: Promise<WeighedWord[] | null> }} Null if it was stopped.
   */
  explain(text, mostWords) {
    return this.#stoppable(this.#ask({ kind: "explain", text, mostWords }));
  }

  /**
   * Score a CSV or JSON Lines file.
   *
   * @param {File} file
   * @param {string | null} column The column of the texts; null looks for one.
   * @param {(progress: Progress) => void} onProgress
   * @returns {{ stop: () => void, answer: Promise<ScoredFile | null> }} Null if it was stopped.
   */
  scoreFile(file, column, onProgress) {
    return this.#stoppable(this.#ask({ kind: "file", file, column }, { onProgress }));
  }

  /** @param {{ id: number, answer: Promise<any> }} asked */
  #stoppable({ id, answer }) {
    return { answer, stop: () => this.worker.postMessage({ kind: "stop", id }) };
  }

  /**
   * @param {WithoutId<Request>} request
   * @param {{ transfer?: Transferable[], onProgress?: (progress: Progress) => void }} options
   */
  #ask(request, { transfer = [], onProgress = () => {} } = {}) {
    const id = (this.#count += 1);
    /** @type {Promise<any>} */
    const answer = new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, onProgress });
      this.worker.postMessage({ ...request, id }, { transfer });
    });
    return { id, answer };
  }

  /** @param {Reply} reply */
  #take(reply) {
    const waiting = this.#waiting.get(reply.id);
    if (!waiting) return;
    if (reply.kind === "progress") {
      waiting.onProgress(reply);
      return;
    }
    this.#waiting.delete(reply.id);
    if (reply.kind === "done") waiting.resolve(reply.value);
    else if (reply.kind === "choose") waiting.reject(new ColumnWanted(reply.columns));
    else waiting.reject(new Error(reply.message));
  }

  /** @param {string} message */
  #failAll(message) {
    for (const { reject } of this.#waiting.values()) reject(new Error(message));
    this.#waiting.clear();
  }
}

/** The worker as the page sees it: promises of scores. */

import { loadAsset, workerAddress } from "./assets.js";

/**
 * @import {
 *   Explanation, Facts, PageFacts, Reply, Request, Row, RowsWanted, ScoredFile, Scores, Sentences, Written,
 * } from "./types"
 */

/** The visitor has to say which column has the texts. */
export class ColumnWanted extends Error {
  /**
   * @param {string[]} columns
   * @param {string} likely The one with the longest texts.
   */
  constructor(columns, likely) {
    super("which column has the reviews?");
    this.columns = columns;
    this.likely = likely;
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
    worker.onerror = ({ message }) => this.#failAll(`the worker has failed: ${message ?? "it cannot be loaded"}`);
  }

  /**
   * Start the worker with a model.
   *
   * @param {PageFacts["runtime"]} runtime
   * @param {Facts} facts
   * @param {(share: number) => void} onShare Is told which share of the bytes is loaded.
   */
  static async load(runtime, facts, onShare) {
    const counted = counter(runtime.packed + facts.packed, onShare);
    const [wasm, model, address] = await Promise.all([
      loadAsset(runtime.file, counted),
      loadAsset(facts.file, counted),
      workerAddress(),
    ]);
    const scorer = new Scorer(new Worker(address));
    try {
      await scorer.#ask({ kind: "load", wasm, model, facts }, { transfer: [wasm, model] }).answer;
    } catch (error) {
      scorer.worker.terminate();
      throw error;
    }
    return scorer;
  }

  /**
   * Load another model; what is asked meanwhile is answered by the one before.
   *
   * @param {Facts} facts
   * @param {(share: number) => void} onShare
   */
  async change(facts, onShare) {
    const model = await loadAsset(facts.file, counter(facts.packed, onShare));
    await this.#ask({ kind: "load", wasm: null, model, facts }, { transfer: [model] }).answer;
  }

  /**
   * @param {string[]} texts
   * @returns {Promise<Scores>}
   */
  score(texts) {
    return this.#ask({ kind: "score", texts }).answer;
  }

  /**
   * Find the share that each word of a text has in its score.
   *
   * @param {string} text Not blank.
   * @returns {{ stop: () => void, answer: Promise<Explanation | null> }} Null if it was stopped.
   */
  explain(text) {
    return this.#stoppable(this.#ask({ kind: "explain", text }));
  }

  /**
   * Score the sentences of a text.
   *
   * @param {string} text Not blank.
   * @returns {Promise<Sentences>}
   */
  sentences(text) {
    return this.#ask({ kind: "sentences", text }).answer;
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

  /**
   * Give some rows of the file that was scored last.
   *
   * @param {RowsWanted} wanted
   * @returns {Promise<Row[]>}
   */
  rows(wanted) {
    return this.#ask({ kind: "rows", wanted }).answer;
  }

  /**
   * Give the file that was scored last, with its scores.
   *
   * @param {Written} written
   * @returns {Promise<Blob>}
   */
  write(written) {
    return this.#ask({ kind: "write", written }).answer;
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
    else if (reply.kind === "choose") waiting.reject(new ColumnWanted(reply.columns, reply.likely));
    else waiting.reject(new Error(reply.message));
  }

  /** @param {string} message */
  #failAll(message) {
    for (const { reject } of this.#waiting.values()) reject(new Error(message));
    this.#waiting.clear();
  }
}

/**
 * @param {number} total
 * @param {(share: number) => void} onShare
 */
function counter(total, onShare) {
  let loaded = 0;
  return (/** @type {number} */ bytes) => onShare(Math.min(1, (loaded += bytes) / total));
}

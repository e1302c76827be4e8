/** The worker: all that takes time happens here, so that the page stays responsive. */

import { ColumnWanted, InputError } from "./errors.js";
import { explain } from "./explain.js";
import { scoreFile } from "./score_file.js";
import { scoreSentences } from "./sentences.js";
import { Model } from "./session.js";

/** @import { Reply, Request } from "../types" */
/** @import { ScoredRecords } from "./scored_records.js" */

/** @type {Promise<Model>} */
let model;

/** @type {ScoredRecords | undefined} Of the file that was scored last. */
let records;

let newestFile = 0; // the id of its request

/** @type {Set<number>} */
const stopped = new Set();

/** @type {Set<Promise<unknown>>} */
const running = new Set();

/** @type {(reply: Reply) => void} */
const say = (reply) => self.postMessage(reply);

/**
 * Answer a request; to add a kind, add a case.
 *
 * @param {Request} request
 * @returns {Promise<unknown>}
 */
async function answer(request) {
  const { id } = request;
  const isStopped = () => stopped.delete(id);
  switch (request.kind) {
    case "load":
      return load(request);
    case "score":
      return (await model).score(request.texts);
    case "explain":
      return explain(await model, request.text, isStopped);
    case "sentences":
      return scoreSentences(await model, request.text);
    case "file": {
      [records, newestFile] = [undefined, id]; // their memory is needed
      const report = (/** @type {any} */ progress) => say({ kind: "progress", id, ...progress });
      const scored = await scoreFile(await model, request.file, request.column, report, isStopped);
      if (id === newestFile) records = scored?.records; // one that was stopped may end later
      return scored && scored.file;
    }
    case "rows":
      return records?.rows(request.wanted) ?? [];
    case "write":
      return records?.write(request.written) ?? new Blob();
    case "stop":
      stopped.add(id);
      return null;
  }
}

/** @param {Extract<Request, { kind: "load" }>} request */
async function load({ wasm, model: bytes, facts }) {
  const before = model;
  const loaded = Model.load(wasm, bytes, facts);
  await loaded.catch((error) => {
    if (!/ERROR_CODE/.test(error)) throw error; // not of the file
    throw new InputError(`${facts.file} is no model file, or is damaged`);
  }); // the model before stays
  const withBefore = Promise.allSettled([...running]);
  model = loaded;
  withBefore.then(async () => (await before)?.release());
  return null;
}

self.onmessage = async (/** @type {MessageEvent<Request>} */ { data: request }) => {
  const { id, kind } = request;
  const answered = answer(request);
  if (kind !== "load") running.add(answered);
  try {
    const value = await answered;
    if (kind !== "stop") say({ kind: "done", id, value });
  } catch (error) {
    if (error instanceof ColumnWanted) say({ kind: "choose", id, columns: error.columns, likely: error.likely });
    else say({ kind: "failed", id, message: messageOf(error) });
  } finally {
    running.delete(answered);
  }
};

/** @param {unknown} error */
const messageOf = (error) =>
  error instanceof InputError ? error.message : `the model could not do that: ${error}`;

/** The worker: all that takes time happens here, so that the page stays responsive. */

import { ColumnWanted, InputError } from "./errors.js";
import { explain } from "./explain.js";
import { scoreFile } from "./score_file.js";
import { Model } from "./session.js";

/** @import { Reply, Request } from "../types" */

/** @type {Promise<Model>} */
let model;

/** @type {Set<number>} */
const stopped = new Set();

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
  switch (request.kind) {
    case "load":
      model = Model.load(request.wasm, request.model);
      await model;
      return null;
    case "score":
      return (await model).score(request.texts);
    case "file":
      return scoreFile(
        await model,
        request.file,
        request.column,
        (progress) => say({ kind: "progress", id, ...progress }),
        () => stopped.delete(id),
      );
    case "explain":
      return explain(await model, request.text, request.mostWords, () => stopped.delete(id));
    case "stop":
      stopped.add(id);
      return null;
  }
}

self.onmessage = async (/** @type {MessageEvent<Request>} */ { data: request }) => {
  const { id } = request;
  try {
    const value = await answer(request);
    if (request.kind !== "stop") say({ kind: "done", id, value });
  } catch (error) {
    if (error instanceof ColumnWanted) say({ kind: "choose", id, columns: error.columns });
    else say({ kind: "failed", id, message: messageOf(error) });
  }
};

/** @param {unknown} error */
const messageOf = (error) =>
  error instanceof InputError ? error.message : `the model could not do that: ${error}`;

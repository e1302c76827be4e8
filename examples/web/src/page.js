/** The page: a review that is typed, and a file. */

import { byId } from "./dom.js";
import { startFilePanel } from "./file_panel.js";
import { Scorer } from "./scorer.js";
import { startTypedReview } from "./typed_review.js";

/** @import { Facts } from "./types" */

async function start() {
  const state = byId("state", HTMLElement);
  const facts = /** @type {Facts} */ (JSON.parse(byId("facts", HTMLScriptElement).text));
  try {
    const scorer = await Scorer.load();
    startTypedReview(scorer, facts);
    startFilePanel(scorer, facts);
    byId("drop", HTMLButtonElement).disabled = false;
    state.textContent = `Ready: ${facts.name}, ${(facts.bytes / 1e6).toFixed(1)} MB`;
    document.documentElement.dataset.state = "ready";
    return scorer;
  } catch (error) {
    state.textContent = `The model could not be loaded: ${/** @type {Error} */ (error).message}`;
    document.documentElement.dataset.state = "failed";
    throw error;
  }
}

/** For scripts that score with the model of the page. */
export const scorer = start();

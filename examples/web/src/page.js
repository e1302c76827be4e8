/** The page: a model, a review that is typed, and a file. */

import { byId } from "./dom.js";
import { startFilePanel } from "./file_panel.js";
import { chosenAtStart, startModelPanel, whileLoading } from "./model_panel.js";
import { Scorer } from "./scorer.js";
import { prepareTypedReview, sayBeforeScores, startTypedReview } from "./typed_review.js";

/** @import { Facts, PageFacts } from "./types" */

async function start() {
  byId("stuck", HTMLElement).remove();
  const page = /** @type {PageFacts} */ (JSON.parse(byId("facts", HTMLScriptElement).text));
  const facts = chosenAtStart(page.models);
  const panel = startModelPanel(page.models, facts);
  prepareTypedReview(facts);
  const { scorer, used } = await loadFirst(page.runtime, panel, facts);
  const typed = startTypedReview(scorer, used);
  startFilePanel(scorer);
  panel.start(scorer, typed.use);
  return scorer;
}

/**
 * Load a model, until one can be loaded.
 *
 * @param {PageFacts["runtime"]} runtime
 * @param {ReturnType<typeof startModelPanel>} panel
 * @param {Facts} wanted
 * @returns {Promise<{ scorer: Scorer, used: Facts }>}
 */
async function loadFirst(runtime, panel, wanted) {
  sayBeforeScores("The score comes when the model is loaded");
  try {
    const scorer = await whileLoading(wanted, (onShare) => Scorer.load(runtime, wanted, onShare));
    return { scorer, used: wanted };
  } catch {
    sayBeforeScores("There is no score without a model");
    return loadFirst(runtime, panel, await panel.chosenAgain());
  }
}

/** For scripts that score with the model of the page. */
export const scorer = start();

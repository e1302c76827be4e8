/** The page: a model, a review that is typed, and a file. */

import { byId } from "./dom.js";
import { startFilePanel } from "./file_panel.js";
import { chosenAtStart, startModelPanel, whileLoading } from "./model_panel.js";
import { Scorer } from "./scorer.js";
import { prepareTypedReview, startTypedReview } from "./typed_review.js";

/** @import { PageFacts } from "./types" */

async function start() {
  const page = /** @type {PageFacts} */ (JSON.parse(byId("facts", HTMLScriptElement).text));
  const facts = chosenAtStart(page.models);
  const panel = startModelPanel(page.models, facts);
  prepareTypedReview(facts);
  const scorer = await whileLoading(facts, (onShare) => Scorer.load(page.runtime, facts, onShare));
  const typed = startTypedReview(scorer, facts);
  const files = startFilePanel(scorer, facts);
  panel.start(scorer, (next) => {
    typed.use(next);
    files.use(next);
  });
  return scorer;
}

/** For scripts that score with the model of the page. */
export const scorer = start();

/** The sentences of the review that is typed, one on each line, where it has several. */

import { byId, make } from "./dom.js";
import { debounced } from "./latest.js";
import { capital, nameOf, percent, sideOf } from "./verdict.js";

/** @import { Facts, Sentence, Sentences } from "./types" */
/** @import { Scorer } from "./scorer.js" */

const PAUSE = 150; // ms between the score and the work on its sentences
const MOST_SHOWN = 30;

/**
 * @param {Scorer} scorer
 * @param {Facts} facts
 * @param {(isMixed: boolean) => void} tell Whether the sentences of the text disagree.
 */
export function startSentences(scorer, facts, tell) {
  const panel = byId("by-sentence", HTMLElement);
  let current = "";

  const soon = debounced(PAUSE, async (/** @type {string} */ text) => {
    if (text !== current) return;
    const found = await scorer.sentences(text).catch(() => null); // the score is there without them
    if (!found || text !== current) return;
    showSentences(panel, facts, text, found);
    tell(found.isMixed);
  });

  return {
    /**
     * Forget the text before. Its sentences stay in view until others come, as the page would jump
     * with every letter that is typed.
     *
     * @param {string} text The one that is typed now.
     */
    clear(text) {
      current = text;
      panel.classList.add("former");
    },
    /** Show no sentences, of a text without a score. */
    hide() {
      showSentences(panel, facts, "", { sentences: [], isMixed: false });
    },
    /** Show the sentences of a text that has a score, unless another is shown by then. */
    show: soon,
    /** @param {Facts} next */
    use(next) {
      facts = next;
    },
  };
}

/**
 * @param {HTMLElement} panel
 * @param {Facts} facts
 * @param {string} text
 * @param {Sentences} found
 */
function showSentences(panel, facts, text, { sentences, isMixed }) {
  const [negative, positive] = facts.labels;
  panel.hidden = sentences.length < 2;
  panel.classList.remove("former");
  byId("sentence-scale", HTMLElement).textContent = `and how likely each is ${positive}`;
  byId("mixed", HTMLElement).replaceChildren(
    ...(isMixed
      ? [make("strong", {}, "Mixed"), `: some sentences are clearly ${positive}, others clearly ${negative}.`]
      : []),
  );
  byId("sentences", HTMLElement).replaceChildren(
    ...sentences.slice(0, MOST_SHOWN).map((sentence) => line(facts, text, sentence)),
  );
  const more = sentences.length - MOST_SHOWN;
  byId("more-sentences", HTMLElement).textContent = more > 0 ? `And ${more} more.` : "";
}

/**
 * @param {Facts} facts
 * @param {string} text
 * @param {Sentence} sentence
 */
function line(facts, text, { start, end, probability }) {
  const side = sideOf(facts, probability);
  const label = make("span", { className: "side" }, `${capital(nameOf(facts, side))}, ${percent(probability)}`);
  label.dataset.side = side;
  const item = make("li", {}, label, " ", make("span", { dir: "auto" }, text.slice(start, end).trim()));
  item.dataset.probability = String(probability);
  return item;
}

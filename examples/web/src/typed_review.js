/** The review that is typed: its probability is shown while typing. */

import { byId } from "./dom.js";
import { debounced, latestOnly } from "./latest.js";
import { startSentences } from "./sentence_list.js";
import { capital, middleOf, nameOf, percent, sideOf, starsInWords } from "./verdict.js";
import { startWordMarks } from "./word_marks.js";

/** @import { Facts } from "./types" */
/** @import { Scorer } from "./scorer.js" */

const PAUSE = 80; // ms between the last letter and the score
const PAUSE_TO_SPEAK = 900; // longer, so that a screen reader is not interrupted by every word

const SAMPLES = {
  glad: "An absolute joy from start to finish. The rooms are lovely, the staff is wonderful, and the breakfast made our day.",
  torn: "The soup was superb and the waiter kind, but the meat was tough and the bill too high.",
  cross: "I wanted to like it, but the plot makes no sense and the dialogue is painfully bad. A complete waste of an evening.",
};

/**
 * Let the visitor type, or choose an example, while the model is loaded.
 *
 * @param {Facts} facts
 */
export function prepareTypedReview(facts) {
  const review = byId("review", HTMLTextAreaElement);
  for (const [name, sample] of Object.entries(SAMPLES)) {
    byId(`sample-${name}`, HTMLButtonElement).addEventListener("click", () => {
      fill(review, sample);
    });
  }
  review.value ||= reviewOfAddress() ?? "";
  addEventListener("hashchange", () => {
    const text = reviewOfAddress();
    if (text !== null) fill(review, text);
  });
  showScale(byId("verdict", HTMLElement), facts);
}

/**
 * Say something in the place of the score, before there is a scorer.
 *
 * @param {string} words
 */
export const sayBeforeScores = (words) => {
  byId("word", HTMLElement).textContent = words;
};

/**
 * @param {Scorer} scorer
 * @param {Facts} facts
 */
export function startTypedReview(scorer, facts) {
  const review = byId("review", HTMLTextAreaElement);
  const verdict = byId("verdict", HTMLElement);
  const spoken = byId("spoken", HTMLElement);
  const speak = debounced(PAUSE_TO_SPEAK, (/** @type {string} */ words) => {
    spoken.textContent = words;
  });
  const words = startWordMarks(scorer, facts);
  let isMixed = false; // until the sentences of a text are known, as those of the text before
  /** @type {[number, number]} */
  let shown = [NaN, NaN];
  const show = () => speak(showVerdict(verdict, facts, isMixed, ...shown));
  const sentences = startSentences(scorer, facts, (found) => {
    isMixed = found;
    show();
  });
  const score = latestOnly(
    (/** @type {string} */ text) => scorer.score([text]),
    ({ probabilities: [probability], stars: [stars] }, text) => {
      if (Number.isNaN(probability)) {
        speak(clearVerdict(verdict, text));
        isMixed = false;
        sentences.hide();
        words.hide();
        return;
      }
      shown = [probability, stars];
      show();
      sentences.show(text);
      words.explain(text);
    },
  );
  const soon = debounced(PAUSE, (/** @type {string} */ text) => {
    score(text).catch((error) => fail(verdict, error));
  });
  const take = (/** @type {string} */ text) => {
    words.show(text);
    sentences.clear(text);
    soon(text);
  };
  const use = (/** @type {Facts} */ next) => {
    facts = next;
    words.use(next);
    sentences.use(next);
    showScale(verdict, facts);
    take(review.value);
  };

  review.addEventListener("input", () => take(review.value));
  clearVerdict(verdict);
  use(facts); // a review may be there: it was typed while the model was loaded
  return { use };
}

/** A review in the address, as in `#review=Fine`: what is after `#` is not sent to any server. */
const reviewOfAddress = () => new URLSearchParams(location.hash.slice(1)).get("review");

/**
 * Show a text as if it was typed.
 *
 * @param {HTMLTextAreaElement} review
 * @param {string} text
 */
export function fill(review, text) {
  review.value = text;
  review.dispatchEvent(new Event("input"));
}

/**
 * @param {HTMLElement} verdict
 * @param {Facts} facts
 */
function showScale(verdict, facts) {
  const { low, high } = middleOf(facts);
  [byId("lowest", HTMLElement).textContent, byId("highest", HTMLElement).textContent] = facts.labels;
  verdict.style.setProperty("--low", String(low));
  verdict.style.setProperty("--high", String(high));
}

/**
 * @param {HTMLElement} verdict
 * @param {Facts} facts
 * @param {boolean} isMixed Whether the sentences disagree.
 * @param {number} probability
 * @param {number} stars NaN if the model has no stars.
 * @returns {string} The same in words.
 */
function showVerdict(verdict, facts, isMixed, probability, stars) {
  const [negative, positive] = facts.labels;
  const side = sideOf(facts, probability);
  const leaning = `, leaning ${probability < facts.threshold ? negative : positive}`;
  const word = capital(isMixed ? "mixed" : nameOf(facts, side)) + (isMixed || side === "neutral" ? leaning : "");
  const likely = `${percent(probability)} likely ${positive}`;
  const hasStars = !Number.isNaN(stars);
  verdict.dataset.side = side;
  verdict.dataset.probability = String(probability);
  verdict.style.setProperty("--probability", String(probability));
  byId("word", HTMLElement).textContent = word;
  byId("likely", HTMLElement).textContent = likely;
  byId("stars", HTMLElement).textContent = hasStars ? starsInWords(stars) : "";
  byId("starred", HTMLElement).hidden = !hasStars;
  verdict.style.setProperty("--stars", String(stars));
  return [word, likely, ...(hasStars ? [starsInWords(stars)] : [])].join(", ");
}

/**
 * @param {HTMLElement} verdict
 * @param {string} text One without a score.
 * @returns {string} What is said of it aloud.
 */
function clearVerdict(verdict, text = "") {
  const unknown = text.trim() ? "The model knows no word of this" : "";
  verdict.dataset.side = "none";
  delete verdict.dataset.probability;
  byId("word", HTMLElement).textContent = unknown || "Nothing to score yet";
  byId("likely", HTMLElement).textContent = "";
  byId("starred", HTMLElement).hidden = true;
  return unknown;
}

/**
 * @param {HTMLElement} verdict
 * @param {Error} error
 */
function fail(verdict, error) {
  clearVerdict(verdict);
  byId("word", HTMLElement).textContent = `This text could not be scored: ${error.message}`;
}

/** The words of the review that is typed, each underlined by its share of the score. */

import { byId, grouped, make } from "./dom.js";
import { lastWords } from "./last_words.js";
import { debounced } from "./latest.js";
import { limitsInWords, signed, wordSide, wordSum } from "./word_sum.js";

/** @import { Explanation, Facts, WeighedWord } from "./types" */
/** @import { Scorer } from "./scorer.js" */

const PAUSE = 250; // ms between the score and the work on its words

// Lines are as thick as the share of the strongest word. Where no word adds half a nat, which moves
// a probability of 0.5 to 0.62, all lines are thin.
const LEVELS = [0.15, 0.4, 0.7];
const STRONG = 0.5;

/**
 * @param {Scorer} scorer
 * @param {Facts} facts
 */
export function startWordMarks(scorer, facts) {
  const panel = byId("weighed", HTMLElement);
  let current = "";
  let stop = () => {};

  const soon = debounced(PAUSE, async (/** @type {string} */ text) => {
    if (text !== current) return;
    const going = scorer.explain(text);
    stop = going.stop;
    try {
      const found = await going.answer;
      if (!found || text !== current) return;
      showWords(facts, text, found);
      panel.dataset.state = "done";
    } catch (error) {
      if (text !== current) return;
      byId("sum", HTMLElement).textContent = failed(error);
      panel.hidden = false;
    } finally {
      if (text === current) stop = () => {};
    }
  });

  return {
    /**
     * Show a text without marks, as soon as it is typed: those of the text before are no longer true.
     *
     * @param {string} text
     */
    show(text) {
      stop();
      stop = () => {};
      current = text;
      panel.dataset.state = "waiting";
      showWords(facts, text, null);
    },
    /** Show no words, of a text without a score: none of them adds anything. */
    hide() {
      panel.hidden = true;
    },
    /** Mark the words of a text that has a score, unless another is shown by then. */
    explain: soon,
    /** @param {Facts} next */
    use(next) {
      facts = next;
    },
  };
}

/** @param {unknown} error */
const failed = (error) => `The words could not be weighed: ${/** @type {Error} */ (error).message}`;

/**
 * @param {Facts} facts
 * @param {string} text
 * @param {Explanation | null} found Null, while it is not known.
 */
function showWords(facts, text, found) {
  const read = lastWords(text, facts.maxTokens + 1, facts.tokens);
  const isCut = read.length > facts.maxTokens;
  if (found || !read.length) byId("weighed", HTMLElement).hidden = !read.length;
  byId("marked", HTMLElement).replaceChildren(
    ...markedText(facts, text, isCut ? read[1].start : 0, found?.words ?? []),
  );
  byId("sum", HTMLElement).replaceChildren(...(found ? wordSum(facts, text, found) : []));
  byId("limits", HTMLElement).textContent = limitsInWords(facts);
  byId("cut", HTMLElement).textContent = isCut
    ? `The model reads the last ${grouped(facts.maxTokens)} words.`
    : "";
}

/**
 * @param {Facts} facts
 * @param {string} text
 * @param {number} start Of what is read.
 * @param {WeighedWord[]} words
 * @returns {(Node | string)[]}
 */
function markedText(facts, text, start, words) {
  const most = Math.max(STRONG, ...words.map(({ contribution }) => Math.abs(contribution)));
  /** @type {(Node | string)[]} */
  const parts = start ? ["… "] : [];
  let end = start;
  for (const word of words) {
    parts.push(text.slice(end, word.start), marked(facts, text, word, most));
    end = word.end;
  }
  return [...parts, text.slice(end)];
}

/**
 * @param {Facts} facts
 * @param {string} text
 * @param {WeighedWord} word
 * @param {number} most
 */
function marked(facts, text, word, most) {
  const { contribution } = word;
  const level = LEVELS.filter((each) => Math.abs(contribution) >= each * most).length;
  const element = make("span", {}, text.slice(word.start, word.end));
  element.dataset.contribution = String(contribution);
  if (level) {
    element.dataset.side = wordSide(contribution);
    element.dataset.level = String(level);
    element.title = `${signed(contribution)}, towards ${facts.labels[contribution < 0 ? 0 : 1]}`;
  }
  return element;
}

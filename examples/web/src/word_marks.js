/** The words of the review that is typed, each underlined by what it adds to the score. */

import { byId, grouped, make } from "./dom.js";
import { lastWords } from "./last_words.js";
import { debounced } from "./latest.js";

/** @import { Facts, WeighedWord } from "./types" */
/** @import { Scorer } from "./scorer.js" */

const PAUSE = 250; // ms between the score and the work on its words

// Lines are as thick as the share of the strongest word. Where no word adds half a nat, which moves
// a probability of 0.5 to 0.62, all lines are thin.
const LEVELS = [0.15, 0.4, 0.7];
const STRONG = 0.5;

const NAMED = 3; // strongest words of each side, in the list

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
    const going = scorer.explain(text, facts.maxTokens);
    stop = going.stop;
    try {
      const words = await going.answer;
      if (!words || text !== current) return;
      showWords(facts, text, words);
      panel.dataset.state = "done";
    } catch (error) {
      if (text === current) byId("strongest", HTMLElement).textContent = failed(error);
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
      showWords(facts, text, []);
    },
    /** Mark the words of a text that has a score, unless another is shown by then. */
    explain: soon,
  };
}

/** @param {unknown} error */
const failed = (error) => `The words could not be weighed: ${/** @type {Error} */ (error).message}`;

/**
 * @param {Facts} facts
 * @param {string} text
 * @param {WeighedWord[]} words None, while they are not known.
 */
function showWords(facts, text, words) {
  const read = lastWords(text, facts.maxTokens + 1);
  const isCut = read.length > facts.maxTokens;
  byId("weighed", HTMLElement).hidden = !read.length;
  byId("marked", HTMLElement).replaceChildren(...markedText(facts, text, isCut ? read[1].start : 0, words));
  byId("strongest", HTMLElement).replaceChildren(...strongest(facts, text, words));
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
    element.title = `${signed(contribution)}, towards ${labelOf(facts, contribution)}`;
  }
  return element;
}

/**
 * The strongest words of each side: what is read aloud instead of the marks.
 *
 * @param {Facts} facts
 * @param {string} text
 * @param {WeighedWord[]} words
 */
function strongest(facts, text, words) {
  return [1, -1].flatMap((sign) => {
    const top = words
      .filter(({ contribution }) => sign * contribution >= LEVELS[0] * STRONG)
      .sort((a, b) => sign * (b.contribution - a.contribution))
      .slice(0, NAMED);
    if (!top.length) return [];
    const named = top.map((word) => `${excerpt(text, word)}\u00a0${signed(word.contribution)}`).join(", ");
    const side = make("span", { className: "side" }, `Towards ${labelOf(facts, sign)}:`);
    side.dataset.side = wordSide(sign);
    return [make("li", {}, side, ` ${named}`)];
  });
}

/** @param {number} contribution */
const wordSide = (contribution) => (contribution < 0 ? "negative" : "positive");

/**
 * @param {Facts} facts
 * @param {number} contribution
 */
const labelOf = (facts, contribution) => facts.labels[contribution < 0 ? 0 : 1];

/** @param {number} contribution */
const signed = (contribution) => `${contribution < 0 ? "−" : "+"}${Math.abs(contribution).toFixed(1)}`;

const LONGEST = 40;

/**
 * @param {string} text
 * @param {WeighedWord} word
 */
function excerpt(text, { start, end }) {
  const letters = [...text.slice(start, Math.min(end, start + 2 * LONGEST + 1))];
  return letters.length > LONGEST ? `${letters.slice(0, LONGEST).join("")}…` : letters.join("");
}

/** How the words of a review add up to its score: what is read aloud instead of the marks. */

import { make } from "./dom.js";
import { middleOf, percent } from "./verdict.js";

/** @import { Explanation, Facts, WeighedWord } from "./types" */

const NAMED = 4; // strongest words of each side
const NAMED_FROM = 0.05; // what is less is shown as 0.0

/**
 * @param {Facts} facts
 * @param {string} text
 * @param {Explanation} found
 * @returns {HTMLElement[]} Items of a list. The numbers that are shown add up, too: what rounding leaves
 *   is in the start.
 */
export function wordSum(facts, text, { words, logit, isPart }) {
  const sides = [1, -1].map((sign) => words.filter(({ contribution }) => sign * contribution > 0));
  const [positive, negative] = sides.map((side) => tenths(sum(side)));
  const total = tenths(logit);
  const start = total - positive - negative;
  const probability = 1 / (1 + Math.exp(-logit));
  const first = isPart ? "Other words of this long text" : "Start, before any word";
  return [
    item(first, start, ""),
    item(`Words towards ${facts.labels[1]}`, positive, strongest(text, sides[0], 1), "positive"),
    item(`Words towards ${facts.labels[0]}`, negative, strongest(text, sides[1], -1), "negative"),
    item("Sum", total, `(${percent(probability)} likely ${facts.labels[1]})`),
  ];
}

/**
 * What the sum says, as in the verdict.
 *
 * @param {Facts} facts
 */
export function limitsInWords(facts) {
  const { low, high } = middleOf(facts);
  const [below, above] = [low, high].map((share) => Math.log(share / (1 - share)));
  const [negative, positive] = facts.labels;
  return [
    ...(low > 0 ? [`below ${signed(below)} is ${negative}`] : []),
    ...(high < 1 ? [`above ${signed(above)} is ${positive}`] : []),
    "the rest is neutral",
  ].join(", ");
}

/**
 * @param {string} name
 * @param {number} tenth
 * @param {string} details
 * @param {string} side
 */
function item(name, tenth, details, side = "") {
  const value = make("strong", { className: "side" }, signed(tenth / 10));
  value.dataset.side = side;
  const element = make("li", {}, make("span", {}, `${name}: `), value, make("span", {}, details && ` ${details}`));
  element.dataset.value = String(tenth / 10);
  return element;
}

/**
 * Name the strongest words of a side.
 *
 * @param {string} text
 * @param {WeighedWord[]} words
 * @param {number} sign
 */
function strongest(text, words, sign) {
  const top = words
    .filter(({ contribution }) => sign * contribution >= NAMED_FROM)
    .sort((a, b) => sign * (b.contribution - a.contribution))
    .slice(0, NAMED)
    .map((word) => `“${excerpt(text, word)}”\u00a0${signed(word.contribution)}`);
  const more = words.length - top.length;
  if (!top.length) return "";
  return `(${top.join(", ")}${more ? `, and ${more} more` : ""})`;
}

/** @param {WeighedWord[]} words */
const sum = (words) => words.reduce((total, { contribution }) => total + contribution, 0);

/** @param {number} value */
const tenths = (value) => Math.round(value * 10);

/** @param {number} contribution */
export const wordSide = (contribution) => (contribution < 0 ? "negative" : "positive");

/** @param {number} contribution */
export function signed(contribution) {
  const size = Math.abs(contribution).toFixed(1);
  return size === "0.0" ? size : `${contribution < 0 ? "−" : "+"}${size}`;
}

const LONGEST = 40;

/**
 * @param {string} text
 * @param {WeighedWord} word
 */
function excerpt(text, { start, end }) {
  const letters = [...text.slice(start, Math.min(end, start + 2 * LONGEST + 1))];
  return letters.length > LONGEST ? `${letters.slice(0, LONGEST).join("")}…` : letters.join("");
}

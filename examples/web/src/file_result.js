/** The result of a file: counts, a chart, the downloads, its rows, and those that could not be read. */

import { grouped, make, scrolling } from "./dom.js";
import { downloads } from "./downloads.js";
import { histogram } from "./histogram.js";
import { rowTable } from "./row_table.js";
import { capital, middleOf, nameOf, percent, sideOf, starsInWords } from "./verdict.js";

/** @import { Facts, Rejected, ScoredFile } from "./types" */
/** @import { Scorer } from "./scorer.js" */
/** @import { Side } from "./verdict.js" */

const ROWS_SHOWN = 100;

/** @type {Side[]} */
const SIDES = ["positive", "neutral", "negative"];

/**
 * @param {Scorer} scorer
 * @param {ScoredFile} result
 * @param {(text: string, row: HTMLElement) => void} open Takes the text of a row that the visitor chooses,
 *   and what takes the focus on the way back.
 * @returns {HTMLElement[]}
 */
export function fileResult(scorer, result, open) {
  const { facts, rejected, probabilities, rows } = result;
  return [
    make("p", { className: "muted" }, summary(result)),
    counts(result),
    ...(probabilities.length ? [histogram(facts, probabilities), neutral(facts)] : []),
    downloads(scorer, result),
    ...(rows ? [rowTable(scorer, facts, rows, open)] : []),
    ...(rejected.length ? [rejectedTable(rejected)] : []),
  ];
}

/**
 * What is read aloud.
 *
 * @param {ScoredFile} result
 */
export function inWords(result) {
  const { facts, withoutText, withoutKnownWords, rejected } = result;
  return [
    ...SIDES.map((side) => `${grouped(countOf(result, side))} ${nameOf(facts, side)}`),
    `${grouped(withoutText)} without text`,
    ...(withoutKnownWords ? [`${grouped(withoutKnownWords)} without a known word`] : []),
    `${grouped(rejected.length)} not readable`,
  ].join(", ");
}

/**
 * @param {ScoredFile} result
 * @param {Side} side
 */
const countOf = ({ facts, probabilities }, side) =>
  probabilities.reduce((count, each) => count + Number(sideOf(facts, each) === side), 0);

/** @param {ScoredFile} result */
function summary({ facts, column, separator, probabilities, meanStars, seconds }) {
  const where = separator ? `the column “${column}” (separated by ${separator})` : `“${column}”`;
  const scored = `${grouped(probabilities.length)} ${probabilities.length === 1 ? "review" : "reviews"}`;
  const stars = meanStars === null ? "" : ` On average, ${starsInWords(meanStars)}.`;
  return `${scored} from ${where}, scored by the model ${facts.name} in ${seconds.toFixed(1)} s.${stars}`;
}

/** @param {ScoredFile} result */
function counts(result) {
  const { facts, probabilities, withoutText, withoutKnownWords, rejected } = result;
  const tile = (/** @type {string} */ name, /** @type {number} */ count, note = "", className = "") =>
    make(
      "div",
      { className },
      make("dt", {}, name),
      make("dd", {}, grouped(count), make("span", { className: "small muted" }, note)),
    );
  const sentiments = SIDES.map((side) => {
    const count = countOf(result, side);
    const share = probabilities.length ? percent(count / probabilities.length) : "";
    return tile(capital(nameOf(facts, side)), count, share, side);
  });
  return make(
    "dl",
    { className: "counts" },
    ...sentiments,
    tile("Without text", withoutText),
    ...(withoutKnownWords ? [tile("No known word", withoutKnownWords)] : []),
    tile("Not readable", rejected.length),
  );
}

/** @param {Facts} facts */
function neutral(facts) {
  const { low, high } = middleOf(facts);
  const [from, to] = [low, high].map((end) => Math.round(end * 100));
  return make(
    "p",
    { className: "muted" },
    `Neutral is what is ${from} to ${to} % likely ${facts.labels[1]}: mixed or lukewarm reviews, mostly.`,
  );
}

/** @param {Rejected[]} rejected */
function rejectedTable(rejected) {
  const rows = rejected
    .slice(0, ROWS_SHOWN)
    .map(({ line, reason, excerpt }) => {
      const cells = [grouped(line), reason, make("code", { dir: "auto" }, excerpt)];
      return make("tr", {}, ...cells.map((cell) => make("td", {}, cell)));
    });
  const more = rejected.length - rows.length;
  const head = ["Line", "What is wrong", "What was found"].map((name) => make("th", { scope: "col" }, name));
  return make(
    "section",
    { className: "rejected stack" },
    make("h3", { id: "rejected-title" }, "Rows that could not be read"),
    scrolling(make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows)), "rejected-title"),
    ...(more > 0 ? [make("p", { className: "muted" }, `And ${grouped(more)} more in the download.`)] : []),
  );
}

/** The result of a file: counts, a chart, the rows that could not be read, and the downloads. */

import { grouped, make } from "./dom.js";
import { histogram } from "./histogram.js";
import { capital, middleOf, percent, sideOf } from "./verdict.js";

/** @import { Facts, Rejected, ScoredFile } from "./types" */

const ROWS_SHOWN = 100;

/**
 * @param {Facts} facts
 * @param {ScoredFile} result
 * @returns {HTMLElement[]}
 */
export function fileResult(facts, result) {
  const { rejected, probabilities } = result;
  return [
    make("p", { className: "muted" }, summary(result)),
    counts(facts, result),
    ...(probabilities.length ? [histogram(facts, probabilities), unsure(facts, probabilities)] : []),
    downloads(result),
    ...(rejected.length ? [rejectedTable(rejected)] : []),
  ];
}

/**
 * What is read aloud.
 *
 * @param {ScoredFile} result
 */
export function inWords({ counts, withoutText, withoutKnownWords, rejected }) {
  const parts = {
    ...counts,
    "without text": withoutText,
    ...(withoutKnownWords ? { "without a known word": withoutKnownWords } : {}),
    "not readable": rejected.length,
  };
  return Object.entries(parts)
    .map(([name, count]) => `${grouped(count)} ${name}`)
    .join(", ");
}

/** @param {ScoredFile} result */
function summary({ column, separator, probabilities, seconds }) {
  const read = separator ? `Column “${column}”, separated by ${separator}` : `Key “${column}”`;
  const rate = grouped(Math.round(probabilities.length / seconds));
  return `${read}. ${grouped(probabilities.length)} reviews in ${seconds.toFixed(1)} s, ${rate} a second.`;
}

/**
 * @param {Facts} facts
 * @param {ScoredFile} result
 */
function counts(facts, result) {
  const { probabilities, withoutText, withoutKnownWords, rejected } = result;
  const tile = (/** @type {string} */ name, /** @type {number} */ count, note = "") =>
    make(
      "div",
      {},
      make("dt", {}, name),
      make("dd", {}, grouped(count), make("small", {}, note)),
    );
  const sentiments = facts.labels.map((label, place) => {
    const count = result.counts[label] ?? 0;
    const share = probabilities.length ? percent(count / probabilities.length) : "";
    const made = tile(capital(label), count, share);
    made.className = place ? "positive" : "negative";
    return made;
  });
  return make(
    "dl",
    { className: "counts" },
    ...sentiments.reverse(),
    tile("Without text", withoutText),
    ...(withoutKnownWords ? [tile("No known word", withoutKnownWords)] : []),
    tile("Not readable", rejected.length),
  );
}

/**
 * @param {Facts} facts
 * @param {Float32Array} probabilities
 */
function unsure(facts, probabilities) {
  const { low, high } = middleOf(facts);
  const count = probabilities.filter((each) => sideOf(facts, each) === "unsure").length;
  return make(
    "p",
    { className: "muted" },
    `Of these, ${grouped(count)} (${percent(count / probabilities.length)}) are uncertain: ` +
      `a probability from ${low.toFixed(2)} to ${high.toFixed(2)}.`,
  );
}

/** @param {ScoredFile} result */
function downloads({ name, scored, rejected, rejects }) {
  const [, stem, ending] = /** @type {string[]} */ (name.match(/^(.*?)(\.[^.]*)?$/s));
  const scoredName = `${stem}.scored${ending ?? ""}`;
  return make(
    "p",
    { className: "downloads" },
    download("Download the scored file", scored, scoredName, "primary"),
    ...(rejected.length
      ? [download("Download what could not be read", rejects, `${scoredName}.rejected.jsonl`, "")]
      : []),
  );
}

/**
 * @param {string} words
 * @param {Blob} blob
 * @param {string} name
 * @param {string} className
 */
const download = (words, blob, name, className) =>
  make("a", { href: URL.createObjectURL(blob), download: name, className: `button ${className}` }, words);

/** @param {Rejected[]} rejected */
function rejectedTable(rejected) {
  const rows = rejected
    .slice(0, ROWS_SHOWN)
    .map(({ line, reason, excerpt }) =>
      make("tr", {}, ...[grouped(line), reason].map((cell) => make("td", {}, cell)), make("td", {}, make("code", {}, excerpt))),
    );
  const more = rejected.length - rows.length;
  const head = ["Line", "What is wrong", "What was found"].map((name) => make("th", { scope: "col" }, name));
  return make(
    "section",
    { className: "rejected" },
    make("h3", { id: "rejected-title" }, "Rows that could not be read"),
    scrolling(make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows))),
    ...(more > 0 ? [make("p", { className: "muted" }, `And ${grouped(more)} more in the download.`)] : []),
  );
}

/** @param {HTMLElement} table One that may be wider than a phone; the keyboard scrolls it, too. */
function scrolling(table) {
  const box = make("div", { className: "scrolling", tabIndex: 0, role: "region" }, table);
  box.setAttribute("aria-labelledby", "rejected-title");
  return box;
}

/** The scored rows of a file, a page at a time; the worker sorts them. */

import { grouped, make, scrolling } from "./dom.js";
import { capital, nameOf, percent, sideOf } from "./verdict.js";

/** @import { Facts, Row, SortKey } from "./types" */
/** @import { Scorer } from "./scorer.js" */

const AT_ONCE = 25;
const EXCERPT = 180; // letters

/** @typedef {{ sort: SortKey, descending: boolean }} Order */

/** @type {[string, Order][]} */
const QUICK = [
  ["Most negative first", { sort: "probability", descending: false }],
  ["Most positive first", { sort: "probability", descending: true }],
  ["Order of the file", { sort: "row", descending: false }],
];

/**
 * @param {Scorer} scorer
 * @param {Facts} facts
 * @param {number} total Rows.
 * @param {(text: string) => void} open Takes the text of a row that the visitor chooses.
 * @returns {HTMLElement}
 */
export function rowTable(scorer, facts, total, open) {
  /** @type {Order} */
  let order = { sort: "row", descending: false };
  let from = 0;
  let asked = 0;

  const quick = QUICK.map(([words, wanted]) => button(words, () => show(wanted)));
  /** @type {[SortKey, string][]} */
  const keys = [["row", "Row"], ["probability", "Sentiment"]];
  if (facts.hasStars) keys.push(["stars", "Stars"]);
  const heads = keys.map(([key, words]) => {
    const turn = () => show({ sort: key, descending: order.sort === key && !order.descending });
    return { key, cell: make("th", { scope: "col" }, button(words, turn)) };
  });
  const body = make("tbody");
  const table = make(
    "table",
    {},
    make("thead", {}, make("tr", {}, ...heads.map(({ cell }) => cell), make("th", { scope: "col" }, "Review"))),
    body,
  );
  const place = make("p", { role: "status" });
  const steps = [
    { words: "First", to: () => 0 },
    { words: "Previous", to: () => from - AT_ONCE },
    { words: "Next", to: () => from + AT_ONCE },
    { words: "Last", to: () => Math.floor((total - 1) / AT_ONCE) * AT_ONCE },
  ].map(({ words, to }) => {
    const leads = () => to() !== from && to() >= 0 && to() < total;
    const made = button(words, () => leads() && show(order, to()));
    return { made, leads };
  });

  /**
   * @param {Order} wanted
   * @param {number} start
   */
  async function show(wanted, start = 0) {
    [order, from] = [wanted, start];
    const turn = (asked += 1);
    const rows = await scorer.rows({ ...order, from, count: AT_ONCE });
    if (turn !== asked) return;
    body.replaceChildren(...rows.map((row) => line(facts, row, open)));
    const by = heads.find(({ key }) => key === order.sort);
    for (const { cell } of heads) cell.removeAttribute("aria-sort");
    by?.cell.setAttribute("aria-sort", order.descending ? "descending" : "ascending");
    QUICK.forEach(([, { sort, descending }], at) => {
      const isOn = sort === order.sort && descending === order.descending;
      quick[at].setAttribute("aria-pressed", String(isOn));
    });
    // Not `disabled`, which would take the focus away from a button that is used to the end.
    for (const { made, leads } of steps) made.setAttribute("aria-disabled", String(!leads()));
    place.textContent = `Rows ${grouped(from + 1)} to ${grouped(from + rows.length)} of ${grouped(total)}`;
  }

  const buttons = total > AT_ONCE ? steps.map(({ made }) => made) : [];
  const pages = make("nav", { className: "pages" }, ...buttons, place);
  pages.setAttribute("aria-label", "Pages of rows");
  show(order);
  return make(
    "section",
    { className: "rows" },
    make("h3", { id: "rows-title" }, "The rows"),
    group("Order", quick),
    make("p", { className: "muted" }, "Choose a review to see its words."),
    scrolling(table, "rows-title"),
    pages,
  );
}

/**
 * @param {Facts} facts
 * @param {Row} row
 * @param {(text: string) => void} open
 */
function line(facts, { row, text, probability, stars }, open) {
  const hasScore = !Number.isNaN(probability);
  const sentiment = make("td", { className: "sentiment" }, "no score");
  if (hasScore) {
    const side = sideOf(facts, probability);
    const word = make("span", { className: "side" }, capital(nameOf(facts, side)));
    word.dataset.side = side;
    sentiment.replaceChildren(word, ` ${percent(probability)}`);
    sentiment.dataset.probability = String(probability);
  }
  const excerpt = text.length > EXCERPT ? `${text.slice(0, EXCERPT).toWellFormed()}…` : text;
  const review = text.trim() ? button(excerpt, () => open(text)) : "no text";
  return make(
    "tr",
    {},
    make("td", {}, grouped(row)),
    sentiment,
    ...(facts.hasStars ? [make("td", {}, Number.isNaN(stars) ? "" : stars.toFixed(1))] : []),
    make("td", { className: "review" }, review),
  );
}

/**
 * @param {string} words
 * @param {() => void} onclick
 */
const button = (words, onclick) => make("button", { type: "button", onclick }, words);

/**
 * @param {string} name
 * @param {HTMLElement[]} parts
 */
function group(name, parts) {
  const made = make("div", { className: "samples", role: "group" }, ...parts);
  made.setAttribute("aria-label", name);
  return made;
}

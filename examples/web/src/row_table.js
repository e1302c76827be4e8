/** The scored rows of a file, a page at a time; the worker sorts them. */

import { grouped, make, scrolling } from "./dom.js";
import { capital, nameOf, percent, sideOf } from "./verdict.js";

/** @import { Facts, Row, SortKey } from "./types" */
/** @import { Scorer } from "./scorer.js" */

const AT_ONCE = 10;
const EXCERPT = 180; // letters

/** @typedef {{ sort: SortKey, descending: boolean }} Order */

/** @type {[string, Order][]} The first is shown first. */
const QUICK = [
  ["Most negative first", { sort: "probability", descending: false }],
  ["Most positive first", { sort: "probability", descending: true }],
  ["Order of the file", { sort: "row", descending: false }],
];

/**
 * @param {Scorer} scorer
 * @param {Facts} facts
 * @param {number} total Rows.
 * @param {(text: string, row: HTMLElement) => void} open Takes the text of a row that the visitor chooses,
 *   and what takes the focus on the way back.
 * @returns {HTMLElement}
 */
export function rowTable(scorer, facts, total, open) {
  let [[, order]] = QUICK;
  let from = 0;
  let asked = 0;

  const quick = QUICK.map(([words, wanted]) => button(words, () => show(wanted)));
  const heads = headsOf(facts).map(([key, words, note]) => {
    const turn = () => show({ sort: key, descending: order.sort === key && !order.descending });
    return { key, cell: headCell(button(words, turn), make("small", {}, note)) };
  });
  const body = make("tbody", { role: "rowgroup" });
  const table = tableOf([...heads.map(({ cell }) => cell), headCell("Review")], body);
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
  const pages = make("nav", { className: "choices pages", ariaLabel: "Pages of rows" }, ...buttons, place);
  show(order);
  return make(
    "section",
    { className: "rows stack" },
    make("h3", { id: "rows-title" }, "The rows"),
    make("div", { className: "choices", role: "group", ariaLabel: "Order" }, ...quick),
    make("p", { className: "small muted" }, "Choose a review to see its words."),
    scrolling(table, "rows-title"),
    pages,
  );
}

/**
 * The columns that sort: key, name, and what their numbers are.
 *
 * @param {Facts} facts
 * @returns {[SortKey, string, string][]}
 */
const headsOf = ({ labels, hasStars }) => [
  ["row", "Row", ""],
  ["probability", "Sentiment", `likely ${labels[1]}`],
  .../** @type {[SortKey, string, string][]} */ (hasStars ? [["stars", "Stars", ""]] : []),
];

// The roles are said in words, as a phone shows each row as a box, which is no table to some browsers.

/** @param {(Node | string)[]} content */
const headCell = (...content) => make("th", { scope: "col", role: "columnheader" }, ...content);

/**
 * @param {string} className
 * @param {(Node | string)[]} content
 */
const cell = (className, ...content) => make("td", { className, role: "cell" }, ...content);

/**
 * @param {HTMLElement[]} heads
 * @param {HTMLElement} body
 */
const tableOf = (heads, body) =>
  make(
    "table",
    { role: "table" },
    make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...heads)),
    body,
  );

/**
 * @param {Facts} facts
 * @param {Row} row
 * @param {(text: string, row: HTMLElement) => void} open
 */
function line(facts, { row, text, probability, stars }, open) {
  const sentiment = cell("sentiment", "no score");
  if (!Number.isNaN(probability)) {
    const side = sideOf(facts, probability);
    const word = make("span", { className: "side" }, capital(nameOf(facts, side)));
    word.dataset.side = side;
    sentiment.replaceChildren(word, ` ${percent(probability)}`);
    sentiment.dataset.probability = String(probability);
  }
  const excerpt = text.length > EXCERPT ? `${text.slice(0, EXCERPT).toWellFormed()}…` : text;
  const chosen = button(excerpt, () => open(text, chosen));
  const review = text.trim() ? chosen : make("span", {}, "no text");
  review.dir = "auto";
  return make(
    "tr",
    { role: "row" },
    cell("", grouped(row)),
    sentiment,
    ...(facts.hasStars ? [cell("", Number.isNaN(stars) ? "" : stars.toFixed(1))] : []),
    cell("review", review),
  );
}

/**
 * @param {string} words
 * @param {() => void} onclick
 */
const button = (words, onclick) => make("button", { type: "button", onclick }, words);

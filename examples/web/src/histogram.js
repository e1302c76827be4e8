/** How many reviews have which probability, as a picture and as a table. */

import { grouped, make } from "./dom.js";
import { sideOf } from "./verdict.js";

/** @import { Facts } from "./types" */

const BINS = 20;
const [WIDTH, HEIGHT, GAP] = [600, 160, 2];

/**
 * Count probabilities in bins of equal width, [low, high); 1 is in the last one.
 *
 * @param {Float32Array} probabilities
 */
export function binned(probabilities) {
  const counts = /** @type {number[]} */ (new Array(BINS).fill(0));
  for (const each of probabilities) counts[Math.min(Math.floor(each * BINS), BINS - 1)] += 1;
  return counts;
}

/**
 * @param {Facts} facts
 * @param {Float32Array} probabilities
 * @returns {HTMLElement}
 */
export function histogram(facts, probabilities) {
  const counts = binned(probabilities);
  const [, positive] = facts.labels;
  const most = Math.max(...counts, 1);
  const picture = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none" });
  picture.setAttribute("aria-hidden", "true"); // the table below says the same
  counts.forEach((count, bin) => {
    const height = count ? Math.max((count / most) * HEIGHT, 2) : 0;
    picture.append(
      shape("rect", {
        x: (bin * WIDTH) / BINS + GAP / 2,
        y: HEIGHT - height,
        width: WIDTH / BINS - GAP,
        height,
        class: sideOf(facts, (bin + 0.5) / BINS),
      }),
    );
  });
  return make(
    "figure",
    { className: "histogram" },
    make("figcaption", {}, `Reviews by how likely they are ${positive}`),
    picture,
    make("div", { className: "axis small muted", ariaHidden: "true" }, ...[0, 25, 50, 75, 100].map((at) => make("span", {}, `${at} %`))),
    make("details", {}, make("summary", {}, "The same as a table"), table(counts, positive)),
  );
}

/**
 * @param {number[]} counts
 * @param {string} positive
 */
function table(counts, positive) {
  const rows = counts.map((count, bin) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, `${(100 * bin) / BINS} to ${(100 * (bin + 1)) / BINS} %`),
      make("td", {}, grouped(count)),
    ),
  );
  const head = [`Likely ${positive}`, "Reviews"].map((name) => make("th", { scope: "col" }, name));
  return make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows));
}

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 */
function shape(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

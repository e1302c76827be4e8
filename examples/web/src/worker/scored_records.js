/** The records of the file that was scored last: a part of them in some order, or all as a file. */

import { scoredFile } from "./write.js";

/** @import { Facts, Row, RowsWanted, Scores, SortKey, Written } from "../types" */
/** @import { Content } from "./bytes.js" */
/** @import { Records } from "./records.js" */

export class ScoredRecords {
  /** @type {Map<SortKey, Uint32Array>} */
  #orders = new Map();

  /**
   * @param {Content} content
   * @param {Records} records
   * @param {Scores} scores
   * @param {Facts} facts Of the model that gave them.
   */
  constructor(content, records, scores, facts) {
    this.content = content;
    this.records = records;
    this.scores = scores;
    this.facts = facts;
  }

  /** @param {Written} written */
  write(written) {
    return scoredFile(this.content, this.records, this.scores, written, this.facts);
  }

  /**
   * @param {RowsWanted} wanted
   * @returns {Row[]}
   */
  rows({ sort, descending, from, count }) {
    const order = this.#order(sort);
    const { probabilities, stars } = this.scores;
    const scored = sort === "row" ? order.length : countScored(order, this.#values(sort));
    const places = Array.from({ length: Math.max(0, Math.min(count, order.length - from)) }, (_, step) => {
      const at = from + step;
      return order[descending && at < scored ? scored - 1 - at : at];
    });
    return places.map((place) => ({
      row: place + 1,
      text: this.records.found[place].text,
      probability: probabilities[place],
      stars: stars[place],
    }));
  }

  /**
   * The places of all rows in ascending order, sorted once; those without a score last.
   *
   * @param {SortKey} sort
   */
  #order(sort) {
    const known = this.#orders.get(sort);
    if (known) return known;
    const order = Uint32Array.from(this.records.found.keys());
    if (sort !== "row") {
      const values = this.#values(sort);
      const key = (/** @type {number} */ place) => (Number.isNaN(values[place]) ? Infinity : values[place]);
      order.sort((a, b) => (key(a) === key(b) ? a - b : key(a) - key(b)));
    }
    this.#orders.set(sort, order);
    return order;
  }

  /** @param {SortKey} sort */
  #values(sort) {
    return sort === "stars" ? this.scores.stars : this.scores.probabilities;
  }
}

/**
 * @param {Uint32Array} order
 * @param {Float32Array} values
 */
function countScored(order, values) {
  let count = order.length;
  while (count > 0 && Number.isNaN(values[order[count - 1]])) count -= 1;
  return count;
}

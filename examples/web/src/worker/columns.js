/** The columns that matter, by the names that the toolkit uses (toolkit/records/columns.py). */

import { ColumnWanted, InputError } from "./errors.js";

export const TEXT_COLUMNS = ["text", "review"];
export const SENTIMENT = "predicted_sentiment";
export const PROBABILITY = "positive_probability";
export const STARS = "predicted_stars";

/**
 * @param {string[]} names
 * @param {string | null} chosen By the visitor.
 * @returns {string | undefined} The column of the texts, if it is there.
 */
export function wantedColumn(names, chosen) {
  refuseTaken(names);
  const wanted = chosen === null ? TEXT_COLUMNS : [chosen];
  return wanted.find((name) => names.includes(name));
}

/**
 * As `wantedColumn`, for files that have one set of names; it has to be there, and once.
 *
 * @param {string[]} names
 * @param {string | null} chosen
 * @param {() => string[][]} someRows
 */
export function chooseColumn(names, chosen, someRows) {
  const name = wantedColumn(names, chosen);
  if (name === undefined) throw new ColumnWanted(names, someRows());
  if (names.indexOf(name) !== names.lastIndexOf(name)) {
    throw new InputError(`several columns are called “${name}”. Rename all but one`);
  }
  return name;
}

/** @param {string[]} names */
export function refuseTaken(names) {
  const taken = [SENTIMENT, PROBABILITY, STARS].find((name) => names.includes(name));
  if (taken !== undefined) {
    throw new InputError(`there is a column “${taken}” already. Rename it, as an added one is called so`);
  }
}

/** How a probability is put into words. */

/** @import { Facts } from "./types" */

/** Half of the range around the threshold within which a model is not sure. */
const UNSURE = 0.1;

/** @param {Facts} facts */
export const middleOf = ({ threshold }) => ({
  low: Math.max(0, threshold - UNSURE),
  high: Math.min(1, threshold + UNSURE),
});

/** @typedef {"negative" | "unsure" | "positive"} Side */

/**
 * @param {Facts} facts
 * @param {number} probability Of the positive label.
 * @returns {Side}
 */
export function sideOf(facts, probability) {
  const { low, high } = middleOf(facts);
  if (probability >= low && probability < high) return "unsure";
  return probability < facts.threshold ? "negative" : "positive";
}

/** @param {number} share 0 to 1; only what is exactly 0 or 1 is called so. */
export function percent(share) {
  const whole = Math.round(share * 100);
  if (whole === 0 && share > 0) return "under 1 %";
  if (whole === 100 && share < 1) return "over 99 %";
  return `${whole} %`;
}

/** @param {string} word */
export const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);

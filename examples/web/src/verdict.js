/** How a probability is put into words. */

/** @import { Facts } from "./types" */

/** Half of what is neutral around the threshold, where the model says nothing of it. */
const NEUTRAL = 0.1;

/** @param {Facts} facts */
export function middleOf({ threshold, neutral }) {
  const [low, high] = neutral ?? [Math.max(0, threshold - NEUTRAL), Math.min(1, threshold + NEUTRAL)];
  return { low, high };
}

/** @typedef {"negative" | "neutral" | "positive"} Side */

/**
 * @param {Facts} facts
 * @param {number} probability Of the positive label.
 * @returns {Side}
 */
export function sideOf(facts, probability) {
  const { low, high } = middleOf(facts);
  if (probability >= low && probability < high) return "neutral";
  return probability < facts.threshold ? "negative" : "positive";
}

/**
 * The label of a side.
 *
 * @param {Facts} facts
 * @param {Side} side
 */
export const nameOf = ({ labels }, side) => ({ negative: labels[0], neutral: "neutral", positive: labels[1] })[side];

/** @param {number} share 0 to 1; only what is exactly 0 or 1 is called so. */
export function percent(share) {
  const whole = Math.round(share * 100);
  if (whole === 0 && share > 0) return "under 1 %";
  if (whole === 100 && share < 1) return "over 99 %";
  return `${whole} %`;
}

/** @param {string} word */
export const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);

/** @param {number} stars 1 to 5; as a number, since most are between two whole ones. */
export const starsInWords = (stars) => `${stars.toFixed(1)} of 5 stars`;

/**
 * Work on the newest value only: one at a time, so that results never come out of order, and values
 * that were overtaken are left out.
 *
 * @template Value, Result
 * @param {(value: Value) => Promise<Result>} work
 * @param {(result: Result, value: Value) => void} show
 * @returns {(value: Value) => Promise<void>}
 */
export function latestOnly(work, show) {
  /** @type {Value[]} */
  let waiting = [];
  let isBusy = false;
  return async (value) => {
    waiting = [value];
    if (isBusy) return;
    isBusy = true;
    try {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        show(await work(next), next);
      }
    } finally {
      isBusy = false;
    }
  };
}

/**
 * Call a function when its caller has paused.
 *
 * @template Value
 * @param {number} milliseconds
 * @param {(value: Value) => void} call
 */
export function debounced(milliseconds, call) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  return (/** @type {Value} */ value) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(value), milliseconds);
  };
}

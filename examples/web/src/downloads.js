/** What of a scored file can be saved. */

import { make } from "./dom.js";

/** @import { ScoredFile, Written } from "./types" */
/** @import { Scorer } from "./scorer.js" */

/**
 * @param {Scorer} scorer
 * @param {ScoredFile} result
 * @returns {HTMLElement}
 */
export function downloads(scorer, { facts, name, rejected, rejects }) {
  const [, stem, ending] = /** @type {string[]} */ (name.match(/^(.*?)(\.[^.]*)?$/s));
  const scoredName = `${stem}.scored${ending ?? ""}`;
  /** @type {Written} */
  const written = { stars: facts.hasStars, neutral: facts.neutral !== null };
  const main = link("Download the scored file", scoredName, "primary");
  let asked = 0;

  async function write() {
    const turn = (asked += 1);
    main.removeAttribute("href"); // a link to nowhere cannot be followed
    const file = await scorer.write(written).catch((error) => {
      main.textContent = `The file could not be written: ${error.message}`;
    });
    if (!file || turn !== asked) return;
    if (main.dataset.address) URL.revokeObjectURL(main.dataset.address);
    main.dataset.address = main.href = URL.createObjectURL(file);
  }

  const box = (/** @type {keyof Written} */ key, /** @type {string} */ words) => {
    const input = document.createElement("input");
    Object.assign(input, { type: "checkbox", checked: written[key] });
    input.addEventListener("change", () => {
      written[key] = input.checked;
      write();
    });
    return make("label", { className: "option" }, input, ` ${words}`);
  };
  write();
  return make(
    "fieldset",
    { className: "saving stack" },
    make("legend", {}, "The scored file has"),
    box("neutral", "the label “neutral” for reviews in the middle"),
    ...(facts.hasStars ? [box("stars", "a column of stars")] : []),
    make("p", { className: "choices" }, main, ...(rejected.length ? [ofRejects(rejects, scoredName)] : [])),
  );
}

/**
 * @param {Blob} rejects
 * @param {string} scoredName
 */
function ofRejects(rejects, scoredName) {
  const made = link("Download what could not be read", `${scoredName}.rejected.jsonl`, "");
  made.href = URL.createObjectURL(rejects);
  return made;
}

/**
 * @param {string} words
 * @param {string} name
 * @param {string} className
 */
const link = (words, name, className) => make("a", { download: name, className: `button ${className}` }, words);

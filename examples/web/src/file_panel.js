/** The file that is dropped or chosen. */

import { byId, grouped, make } from "./dom.js";
import { fileResult, inWords } from "./file_result.js";
import { ColumnWanted } from "./scorer.js";

/** @import { Progress, Scorer } from "./scorer.js" */

/** @typedef {"progress" | "choose" | "problem" | "result"} Part */

/** Which element of a part takes the focus. */
const FOCUS = { progress: "stop", choose: "column", problem: "problem", result: "result" };

const PARTS = /** @type {Part[]} */ (Object.keys(FOCUS));

/** @param {Scorer} scorer */
export function startFilePanel(scorer) {
  const news = byId("news", HTMLElement);
  const result = byId("result", HTMLElement);
  let stop = () => {};
  let runs = 0;

  /**
   * @param {File} file
   * @param {string | null} column
   */
  async function score(file, column = null) {
    const run = (runs += 1);
    stop();
    forgetDownloads(result);
    showProgress({ done: 0, total: 0, share: 0 });
    show("progress");
    news.textContent = `Scoring ${file.name}`;
    const going = scorer.scoreFile(file, column, (progress) => run === runs && showProgress(progress));
    stop = going.stop;
    try {
      const scored = await going.answer;
      if (run !== runs) return;
      stop = () => {};
      if (scored) result.replaceChildren(make("h3", {}, file.name), ...fileResult(scorer, scored, open));
      show(scored ? "result" : null);
      news.textContent = scored ? `${file.name}: ${inWords(scored)}` : "Stopped";
    } catch (error) {
      if (run !== runs) return;
      stop = () => {};
      if (error instanceof ColumnWanted) choose(file, error.columns);
      else fail(file, /** @type {Error} */ (error));
    }
  }

  /**
   * @param {File} file
   * @param {string[]} columns
   */
  function choose(file, columns) {
    const select = byId("column", HTMLSelectElement);
    select.replaceChildren(...columns.map((name) => make("option", { value: name }, name || "(no name)")));
    byId("choose-title", HTMLElement).textContent =
      `${file.name} has no column “text” or “review”. Which one has the reviews?`;
    news.textContent = "Choose the column of the reviews";
    show("choose");
    byId("choose", HTMLFormElement).onsubmit = (event) => {
      event.preventDefault();
      score(file, select.value);
    };
  }

  byId("stop", HTMLButtonElement).addEventListener("click", () => stop());
  takeFiles(score);
  byId("drop", HTMLButtonElement).disabled = false;
}

/**
 * Show a text as the review that is typed.
 *
 * @param {string} text
 */
function open(text) {
  const review = byId("review", HTMLTextAreaElement);
  review.value = text;
  review.dispatchEvent(new Event("input"));
  review.focus({ preventScroll: true });
  byId("typed-title", HTMLElement).scrollIntoView({ block: "start" });
}

/**
 * @param {File} file
 * @param {Error} error
 */
function fail(file, error) {
  show("problem");
  byId("news", HTMLElement).textContent = "";
  byId("problem", HTMLElement).textContent = `${file.name}: ${error.message}.`;
}

/** @param {Pick<Progress, "done" | "total" | "share">} progress */
function showProgress({ done, total, share }) {
  byId("bar", HTMLProgressElement).value = share;
  byId("done", HTMLElement).textContent = total
    ? `${grouped(done)} of ${grouped(total)} rows`
    : "Reading the file";
}

/**
 * Show one part. The focus moves along if it was in the part before, or on the zone; otherwise the
 * visitor is typing.
 *
 * @param {Part | null} part
 */
function show(part) {
  const focused = document.activeElement;
  const goesAlong =
    focused === document.body ||
    [...PARTS, "drop"].some((each) => byId(each, HTMLElement).contains(focused));
  for (const each of PARTS) byId(each, HTMLElement).hidden = each !== part;
  if (!goesAlong) return;
  const next = byId(part === null ? "drop" : FOCUS[part], HTMLElement);
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

/** @param {HTMLElement} result The files of a former result take memory until then. */
function forgetDownloads(result) {
  for (const link of result.querySelectorAll("a")) if (link.href) URL.revokeObjectURL(link.href);
  result.replaceChildren();
}

/** @param {(file: File) => void} take */
function takeFiles(take) {
  const zone = byId("drop", HTMLButtonElement);
  const input = byId("file", HTMLInputElement);
  zone.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const [file] = input.files ?? [];
    input.value = ""; // so that the same file can be chosen again
    if (file) take(file);
  });
  // Anywhere on the page, as a file that misses the zone would else replace the page.
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zone.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    const [file] = event.dataTransfer?.files ?? [];
    if (file) take(file);
  });
}

/** Which model is used, what it knows, and how far it is loaded. */

import { bytesOfFiles } from "./assets.js";
import { byId, grouped, make, megabytes } from "./dom.js";
import { middleOf, percent } from "./verdict.js";

/** @import { Facts, PackedFile } from "./types" */
/** @import { Scorer } from "./scorer.js" */

/**
 * The model that the address asks for, as in `?model=reviews-small`, or the first.
 *
 * @param {Facts[]} models
 */
export function chosenAtStart(models) {
  const wanted = new URLSearchParams(location.search).get("model");
  return models.find(({ name }) => name === wanted) ?? models[0];
}

/**
 * @param {Facts[]} models
 * @param {Facts} current
 */
export function startModelPanel(models, current) {
  const select = byId("model", HTMLSelectElement);
  select.replaceChildren(...models.map((facts) => make("option", { value: facts.name }, choice(facts))));
  select.value = current.name;
  byId("choose-model", HTMLElement).hidden = models.length < 2;
  describe(current);

  return {
    /**
     * Let the visitor choose another model, or the same again, where the first could not be loaded.
     *
     * @returns {Promise<Facts>}
     */
    async chosenAgain() {
      const again = byId("again", HTMLButtonElement);
      select.disabled = again.hidden = false;
      await new Promise((resolve) => (select.onchange = again.onclick = resolve));
      select.onchange = again.onclick = null;
      select.disabled = again.hidden = true;
      current = models.find(({ name }) => name === select.value) ?? current;
      describe(current);
      return current;
    },
    /**
     * Let the visitor choose, as soon as there is a scorer.
     *
     * @param {Scorer} scorer
     * @param {(facts: Facts) => void} use
     */
    start(scorer, use) {
      select.disabled = false;
      select.addEventListener("change", async () => {
        const next = models.find(({ name }) => name === select.value) ?? current;
        select.disabled = true;
        try {
          await whileLoading(next, [next], (onShare) => scorer.change(next, onShare));
          current = next;
          describe(current);
          use(current);
        } catch {
          select.value = current.name;
          byId("state", HTMLElement).append(`; ${current.name} is still used`);
        } finally {
          select.disabled = false;
          if (document.activeElement === document.body) select.focus(); // which it had before
        }
      });
    },
  };
}

/**
 * Show how far a model is loaded, until it can be used.
 *
 * @template T
 * @param {Facts} facts
 * @param {PackedFile[]} files That are loaded for it.
 * @param {(onShare: (share: number) => void) => Promise<T>} load
 * @returns {Promise<T>}
 */
export async function whileLoading(facts, files, load) {
  const state = byId("state", HTMLElement);
  const bar = byId("loading", HTMLProgressElement);
  const { dataset } = document.documentElement;
  const bytes = bytesOfFiles(files);
  state.textContent = `Loading the model ${facts.name} …${bytes ? ` ${megabytes(bytes)}` : ""}`;
  delete dataset.state;
  bar.removeAttribute("value");
  bar.hidden = false;
  try {
    const loaded = await load((share) => (bar.value = share));
    state.textContent = `Ready: ${facts.name}`;
    dataset.state = "ready";
    return loaded;
  } catch (error) {
    state.textContent = `The model ${facts.name} could not be loaded: ${/** @type {Error} */ (error).message}`;
    dataset.state = "failed";
    throw error;
  } finally {
    bar.hidden = true;
  }
}

/** @param {Facts} facts */
function choice({ name, packed, accuracy }) {
  const right = accuracy ? `${percent(accuracy.share)} right, ` : "";
  return `${name} (${right}${megabytes(packed)})`;
}

/** @param {Facts} facts */
function describe(facts) {
  const { release } = facts;
  byId("use", HTMLElement).textContent = release.intended_use ?? "";
  byId("about", HTMLElement).replaceChildren(
    ...Object.entries(parts(facts)).map(([name, text]) => make("div", {}, make("dt", {}, name), make("dd", {}, text))),
  );
}

/**
 * @param {Facts} facts
 * @returns {Record<string, string>}
 */
function parts(facts) {
  const { release, reviews, accuracy, words, maxTokens, hasStars, neutral } = facts;
  const name = release.model_name ?? facts.name;
  const version = release.model_version && !name.endsWith(release.model_version) && release.model_version;
  const checked = accuracy?.reviews ? ` ${grouped(accuracy.reviews)} reviews` : " reviews";
  const { low, high } = middleOf(facts);
  return withoutEmpty({
    Model: [name, version, release.date].filter(Boolean).join(", "),
    Knows: release.domain,
    Language: release.language && languageOf(release.language),
    "Learned from": reviews && `${grouped(reviews)} reviews`,
    "Right on": accuracy && `${percent(accuracy.share)} of${checked} that it did not learn from`,
    Reads: `the last ${grouped(maxTokens)} words of a review; knows ${grouped(words)} words`,
    "Calls neutral": `what is ${Math.round(low * 100)} to ${Math.round(high * 100)} % likely ${facts.labels[1]}` +
      (neutral ? "" : ", as it has no range of its own"),
    Stars: hasStars ? null : "none, as it did not learn any",
    Licence: release.licence,
  });
}

/**
 * @param {Record<string, string | number | null | undefined>} values
 * @returns {Record<string, string>}
 */
const withoutEmpty = (values) =>
  Object.fromEntries(Object.entries(values).flatMap(([name, value]) => (value ? [[name, String(value)]] : [])));

/** @param {string} tag Such as "en". */
function languageOf(tag) {
  try {
    return new Intl.DisplayNames("en", { type: "language" }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}

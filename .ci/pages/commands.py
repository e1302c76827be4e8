"""Write the command reference from the command line itself.

Run as `make reference`; a test compares the file.
"""

# ruff: noqa: E501 (the rows of a Markdown table cannot be broken)

from __future__ import annotations

import inspect
import re
import textwrap
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import typer.main

from toolkit.cli.app import app
from toolkit.cli.commands import COMMANDS
from toolkit.model import SHIPPED
from toolkit.model.release import USES
from toolkit.records.columns import ADDED
from toolkit.records.options import NULL_WORDS
from toolkit.training.presets import PRESETS

PROJECT = Path(__file__).parents[2]
REFERENCE = PROJECT / "toolkit" / "cli" / "REFERENCE.md"
OPTIONS = Path(__file__).with_name("options.toml")

_WIDTH = 88
_PREFACE = """\
# Command reference

Written by `make reference` from the help texts of the commands; do not edit it here.
`toolkit COMMAND --help` shows the same in fewer words.

| exit code | meaning |
|---|---|
| 0 | done; also `toolkit score` with no more rejects than a `--max-rejected` that is given, and `toolkit serve` that was stopped by a signal |
| 1 | failed: one line on standard error says where, what was found, and what to do; also `toolkit score` that has read records and scored none of them, or has more rejects than `--max-rejected` or more texts that the model cannot read than `--max-unread`, and `toolkit diff` that finds more than `--max-changed`, or a worse model with `--fail-if-worse` |
| 2 | wrong usage |
| 3 | `toolkit score` or `toolkit diff` is done, but some records could not be read, and no `--max-rejected` allows that |
| 130, 143, 129 | interrupted by Ctrl-C, by `kill`, or by a closed terminal |
| 141 | the reader of standard output was done, such as `head`; nothing is said |

Variables of the environment:

| variable | meaning |
|---|---|
| `TOOLKIT_NATIVE` | `0`: Arrow does the work of the native core, with the same results; `require`: an error if the native core cannot be used; `1`, as without it: the native core if it can be used |
| `TOOLKIT_WORK_FOLDER` | where unfinished outputs for an object store are kept; without it `TMPDIR`, or else `/var/tmp` |
| `TOOLKIT_TRACEBACK` | `1`: show the traceback of an error |

`toolkit --version` and `toolkit info` say which core runs: `native (avx2)`, with the instructions
that it uses, or `Arrow` and why.

## JSON

`evaluate`, `explain`, `diff`, `summarize` and `info` print JSON with `--json`; `evaluate`, `summarize` and `score` write it with
`--report`; `serve` answers with it. The same thing has the same key everywhere:

| key | meaning |
|---|---|
| `toolkit_version` | version that wrote this JSON; in a model, the version that exported it |
| `model`, `models` | a model, or several; the answer of `info` is itself one |
| `name`, `path`, `sha256` | of a model: its name; its file, and the hash of the file |
| `version` | of a model: its `model_version`; without one, the version of the toolkit that exported it |
| `model_name`, `model_version`, `date`, `language`, `domain`, `licence`, `data_sets`, `teachers`, `repository`, `intended_use` | in the answer of `info`, of a model: what it says of its release, as `toolkit export --release` takes it; what it does not say is missing |
| `preset` | of a model: the kind of network |
| `labels` | of a model: the negative and the positive label |
| `core` | in the answer of `info`: what runs here, `native (avx2)` or `Arrow` and why |
| `threshold` | of a model: the probability from which a review is positive |
| `text`, `row` | a review; its row in a file, from 1 |
| `sentiment`, `probability` | the label of a review; its probability of positive, 0 to 1 |
| `stars`, `neutral` | of a model: how it tells stars from the logit; which probabilities are neutral. In `serve`: the stars of a review, 1 to 5; whether a request wants unclear reviews called neutral |
| `label`, `top`, `probabilities` | in `serve`, of a text and a model of classes: the most likely class; the most likely ones, each with its `probability`; the probability by class |
| `aspects`, `reasons` | in `serve`: of a request, what to find; of a text, what it says about each aspect, and the words that decided the label |
| `positive_sentences`, `negative_sentences` | of a review that is scored by sentence: how many clearly are |
| `words` | of a review: objects with `text`, `start`, `end`, `contribution`, `state` |
| `sentences` | of a review explained by sentence: objects with `text`, `start`, `end`, `sentiment` (null if it is not clear), `probability` |
| `start`, `end` | the first character of a word or sentence, and the one after its last (Unicode characters) |
| `contribution` | what a word adds to the log-odds of positive, or of the class that is explained |
| `label` | of a text and a model of classes: its most likely class; `probability` is of this class then |
| `explained`, `explained_probability` | of a text explained with a model of classes: the class that words add to, and its probability |
| `accuracy` | share of right answers, 0 to 1 |
| `reviews` | number of reviews that a figure is measured on |

What the model can read is in the report of `score`, too, for all files and for each:

| key | meaning |
|---|---|
| `without_known_words` | texts in which the model knows no word, or only numbers and a few function words; they have no label |
| `other_language` | texts that are probably not in English, by their function words (`toolkit/text/other_language.py`); they have no label. A count of 0 is left out |
| `few_known_words` | scored texts with few such words: less than 7 of 10 tokens are known words, and less than 3 of 10 are among the 1,000 commonest. Numbers are no words |
| `first_unread` | row of the output, from 1, of the first text of these kinds; 0 without one. For several files, as if they followed each other |
| `unsure` | scored texts with a probability from 0.25 to 0.75 |
| `probability_tenths` | how the scores are distributed: ten counts of scored texts, with a probability of positive from 0 to below 0.1, and so on to 0.9 to 1 |
| `adjusted_share` | of all files: the share of positive reviews that all scores together tell, 0 to 1 (`toolkit/model/prior.py`); null where they are too few or too unsure |
| `prior` | the share that `--prior` names, or null. Of each file: with `--prior auto`, an object with the estimated `share` (null if there is none), its standard `error`, the number of `scores` of the first 2,000 records, and the `problem` if there is no share; else null |
| `cut_to_length` | scored texts with more tokens than the model reads: its `max_tokens`, the last ones |
| `warnings` | of a file: sentences, such as about texts of which the model knows few words, or that look like values of another column; of all files: that far more scores are `unsure` than on the reviews that the model was calibrated on |

The report of `score` is written when the run ends, also when it fails or is interrupted, but not
where an option is unknown or has a wrong value (exit code 2). It replaces the report of an earlier
run; another file at its path only with `--force`. It has these keys, and the counts of the records
in all files that are done, which are missing if the run ended before its first file:

| key | meaning |
|---|---|
| `format_version` | 1 |
| `run_id` | a UUID of this run, another one each time |
| `job_id` | of each file: a UUID of what its output depends on, as below; null if the file was not opened. Of a job in shards: what all its runs have in common, else null |
| `shard` | which shard this run has scored, such as `3/16`; null without shards |
| `status` | `done`, `done_with_rejects`, `failed` or `interrupted`; also of each file, which may be `skipped`, too |
| `exit_code`, `error` | how the command ended; the message, or null |
| `started`, `ended`, `seconds` | UTC, as in ISO 8601; the time that passed, of a file the time of its scoring |
| `options` | the options by their names, with `_` for `-`; null if an option is not given |
| `records` | records that were read; each one is `scored`, `without_text`, `without_known_words`, in `other_language` or `rejected` |
| `positive`, `neutral`, `mixed` | of the scored; all others are negative |
| `aspects` | with `--aspects`: by name, how many reviews are `positive`, `negative`, `mixed` and `neutral` about it; else missing |
| `classes` | of a model of classes: the scored by label; the keys of sentiment are missing then |
| `cut_at_nul` | texts that are read up to a NUL |
| `answered_by_second` | with `--second`: scored records with the answer of the second model, or the mean of both; missing if there are none |
| `labelled`, `labelled_neutral`, `labelled_mixed`, `right`, `unreadable_labels` | with `--label-column`, whose labels are read as `train` and `evaluate` read them: scored records with a positive or negative label, of these called neutral or mixed, right; scored records without a readable label |
| `neutral_labels` | with `--label-column`: scored records with a neutral label, such as 3 of 5 stars, which are left out; missing if there are none |
| `model`, `neutral_range`, `by_sentence` | the model; with `--second`, its key `second` has the same keys for the second model, `unsure` and `mean`; the range of probabilities in use, or null; whether sentences are scored |
| `files` | each file: `input` with its `format`, `compression`, `size` in bytes, time when it was `modified`, and `columns` (names by what they are: text, label; empty if an earlier run has scored it); `output`, `rejected_file` (null without one), `status`, `error`, `warnings`, and its counts if it is done, or `skipped` after a run that left what it had found |

With `--log-format json`, each line that `score` writes to standard error is an object with `time`
(UTC), `level` (info, warning or error), `event` and the facts of that event:

| event | facts |
|---|---|
| `progress` | `file`, `records`, `bytes` of `bytes_in_all`, `records_per_second`; every ten seconds |
| `warning` | `message`, and the `file` that it is about |
| `error` | `message`, `exit_code` |
| `hint` | `message` with what to do next |
| `preview`, `estimate` | of `--dry-run`: `file` and `output`; `facts`, what it shows of them without this option |
| `summary` | `output`, `run_id`, number of `files` and of `failed` files, `seconds`, and the counts of the report |

What `evaluate` finds has these keys. Shares and probabilities are numbers from 0 to 1, intervals
are pairs of the lower and the upper end (95%), and what is not defined is null. Later versions may
add keys; `format_version` changes if one gets another meaning.

| key | meaning |
|---|---|
| `format_version` | 4 |
| `date` | of the evaluation, UTC, as in ISO 8601 |
| `data` | `path`, `sha256`, `columns` (names by what they are: text, label, group, stars), `rows`; of these `reviews` (with text, label and score; all figures are of them), `without_text`, `without_label`, `without_score` (a model knows no word of them), `neutral` (their label is neither), `soft_labels` (rounded); `positive` of the reviews; `label_meaning` (what was read as what, where labels are stars, three classes or names); `is_suite`: whether they are the toolkit's own sentences |
| `best` | name of the most accurate model |
| `warnings` | sentences, such as about a model that is no better than a constant, or that expects another share of positives |
| `models` | the keys of a model above (`preset`, `labels` and `toolkit_version` are null for predictions), and those below |
| `breakdowns` | lists by `length` and, with such columns, by `stars` (whole ones, 1 to 5) and `groups`, the hardest for the best model first, or with `--behaviour` the phenomena; each entry has `name`, `reviews`, `positive`, `majority_accuracy` and `models`: by name, `right`, `accuracy`, `interval`, `balanced_accuracy`, `balanced_accuracy_interval`, `log_loss`, `calibration_error`, `balanced_calibration_error` (both labels weigh the same); a balanced accuracy needs 5 reviews of either label |
| `macro_mean` | the mean over the `groups` that have a balanced accuracy, each counting the same: how many `groups` those are, `majority_accuracy`, and the figures by model; null if there are none |
| `doubtful` | number of labels that look wrong to the best model; `is_doubtful` of a mistake says whether its label does |
| `comparisons` | each other model with the best one, the `reference`: `only_model_right` and `only_reference_right` (reviews), `difference` of the accuracies with its 95% `interval` (of the score test of Tango, corrected; it holds 0 where `p_value` is 0.05 or more), `p_value` of McNemar's test, `is_exact` (binomial test) |
| `second` | with `--second`, else null: `first`, `second`, `first_option` and `option` (names of the models, and how they were named; null: the default); `threshold` (what `--threshold` was given, or null); `model`: the keys of a model above; `threshold_of_second`, which is not used, if it is another one; `curve`: for each `share` of the reviews that the second model is asked, the range `unsure` (null: none), `seconds` of processor per review, `accuracy` and `log_loss` with its answers, `mean_accuracy` and `mean_log_loss` with the mean of both logits; `best` and, for each group of 200 reviews or more, `groups`: `name`, `reviews`, `helps` (whether it gains beyond chance), `unsure` and `takes_mean` (the best range, chosen on all of these reviews; null if it does not help), `of_halves` (the range that each half chose), and by cross-validation `share`, `seconds`, `accuracy`, `log_loss`, those of the first model (`accuracy_alone`, `log_loss_alone`), and the `comparison` of both models together with the first |

Each of its `models` also has:

| key | meaning |
|---|---|
| `metrics` | accuracy with its interval, AUC, F1, log loss and the others of the terminal's table; `mean_probability_interval`: where the share of positives is by chance |
| `baseline` | a comparison with a constant that always answers the more frequent label; null if all reviews have one label |
| `thresholds` | `called_positive`, `accuracy`, `balanced_accuracy`, `precision`, `recall` and `f1` at thresholds from 0.1 to 0.9 |
| `best_thresholds` | the same at the best threshold for `balanced_accuracy` and for `f1`; it is chosen on these reviews, so the figures are optimistic. Empty if all reviews have one label |
| `precision_at_recall` | the same at the threshold with the highest precision for a recall of at least 0.5, 0.7, 0.8, 0.9, 0.95 and 0.99 |
| `reliability` | bins of the probability: `low`, `high`, `reviews`, mean `probability`, share of `positive` |
| `coverage_at_accuracy` | the most reviews that are answered with an accuracy of at least `target`: `answered` and `right` (counts), `share` of all reviews, `accuracy` with its `interval`, and `uncertain`, the range for `toolkit score --neutral-range` that leaves out the others; `answered` is 0 if it is never reached |
| `ratings` | null without stars and neutral reviews, and for predictions; `stars`: `exact` (the most likely stars are those of the reviewer), `within_one` (the rounded stars are at most one off), both also balanced over the stars, `mean_error`; the `best_constants` for each; `classes`: the macro F1 of negative, neutral and positive with the model's own range, with 0.4 to 0.6, and of a constant; with the own range also the `confusion` (for each label in that order, the reviews that are called each of them) and the `recall` of each |
| `mistakes` | the surest first, half of them false positives where there are that many: `row`, `label`, `probability`, `text`, and `causes`: the words that spoke most for the wrong label, the strongest first |
| `same` | empty but with `--behaviour`: of each kind of sets of sentences, its `part` (`neutral` or `opinion`: who somebody is, in sentences without or with an opinion; or `form`) and `name`; the number of `sets`; the `mean_spread` (largest minus smallest probability of a set); the shares of sets that `moved` (a spread above 0.1) and that have an `other_label` (more than one label); `from_half` (mean distance of a probability from 0.5; null but where it is neutral); and of the set with the largest spread the `lowest` and the `highest`: probability and sentence |

What `diff` finds has these keys; what is not known is null.

| key | meaning |
|---|---|
| `format_version` | 2 |
| `old`, `new` | the two models, with the keys of a model above; in a row, the `sentiment` and the `probability` that they give it |
| `facts` | what the files say of themselves, as `info --json` names it: by name, what the `old` and the `new` one say; of `data` and `metrics` there are `trained_on` and `unlabelled` (reviews), `validation` and `test` |
| `vocabulary` | the number of words that the `old` and the `new` model know, and of those `added` and `removed` |
| `texts`, `data` | what changes on the fixed texts, and on the files; `data` is null without files |
| `rows`, `answered` | all rows; those that at least one of the models gives a label |
| `changed` | rows with another label: `to_positive`, `to_negative`, `gained` (one where there was none) and `lost` (none where there was one) |
| `probability_change`, `stars_change` | over the `rows` that both score: the `mean` of the new minus the old number; of the distances `mean_distance`, `median`, `most` (the 95th percentile; both to 0.00001, of stars to 0.0001) and `largest` |
| `other_whole_stars` | rows whose stars, rounded, are others |
| `labelled`, `labelled_without_score` | rows with a true label and a score of both models; with a label, but not both scores |
| `old_accuracy`, `new_accuracy` | `accuracy` on the labelled rows, with its `interval` |
| `both_right`, `only_old_right`, `only_new_right` | labelled rows that both models have right, or only one |
| `pairs` | of models of classes, in place of `to_positive` and `to_negative`: how many rows change from the class `old` to `new`, and on how many of them each model is right |
| `difference`, `interval`, `p_value`, `is_exact`, `verdict` | of the accuracies, new minus old, as for `comparisons` above; the same in words |
| `most_changed` | rows with another label first, then by the distance: `file` and `row` (or `name` of a fixed text), `label`, `group`, `old`, `new`, `text` |
| `groups` | of `data`: the same counts and figures for each `name`, the largest group first |
| `failed` | of `data`: errors of other files, which could not be read to their ends; the records before that count |
| `ignored`, `links` | of `data`, in folders: the number of files of unknown format; links to folders, which were not followed |
| `limit`, `sample` | of `data`: the part of each file that is compared; null if it is not given |
| `files`, `columns`, `records`, `rejected`, `first_reject`, `label_meaning`, `neutral`, `warnings`, `output` | of `data`: what was read, how, and what could not be; rows with a neutral label, which no accuracy is of; the file of all changed rows |

What `summarize` finds has these keys; what is not known is null.

| key | meaning |
|---|---|
| `format_version` | 1 |
| `files`, `columns` | what was read, and names of columns by what they are |
| `negative`, `positive` | the labels of the model |
| `rows`, `without_score`, `without_text` | records that could be read; of these without a score; of those without text |
| `rejected`, `first_reject`, `set_aside` | records that could not be read here, and the first; by file, the records that `score` has set aside |
| `total`, `by`, `over_time`, `aspects` | a slice; by column lists of slices, the largest first; by `step` (day, week or month); by aspect, with its own labels. A slice has `name`, `is_group` (false for rows of no group, and for the groups beyond 1,000 together), `rows`, mean `stars` (predicted ones, if there are), the `trend` of its negative share (aspects and the 20 largest groups) and `labels`: by label, `rows` `of` all, `share`, 95% `interval` (Wilson) |
| `turn` | the step `since` which the share of negative rows is higher or lower beyond chance: the shares `before` and `now`, and `p_value` (Fisher's exact test, by Bonferroni for all steps); null without a change or a date |
| `scored_here`, `scored_by` | the files that had no scores, and the model that has scored them for this summary |
| `given_stars` | with stars of reviewers: their `scale` (5 or 10), `rows`, how many are `low` (1 or 2 of 5, 1 to 4 of 10) and in the `middle` (3, or 5 and 6), and how many of these rows the model has `called_negative` |
| `without_date` | scored rows without a date |
| `complaints`, `praise` | at most `--show` themes, the largest first: `name`, `reviews` that have it and their `share` of the complaints or of the praise, `other_reviews` and `other_share` of the other kind, `lean` (standard deviations of the log-odds ratio of Monroe et al. 2008), `stars` (mean of up to 20,000 random rows with it, minus the mean of all of these), other `phrases` for it, three `quotes`, and the `trend` of its share of all rows |
| `trend` | a share over time, among `sampled` random rows (all, up to 20,000): `points` with enough rows, each with the step `since` and its `share`; and a `turn` as above. Null with too few rows or without a date |
| `contrasts`, `sampled` | by the first column of `by`, for each of its 20 largest groups with 30 rows and each complaint: `group`, `of` (theme or aspect), `name`, the share of the group's rows with it (`here`) and of all others (`elsewhere`), `adjusted` p (Fisher's exact test; Benjamini and Hochberg), null with too few rows; the number of random rows that they are counted in |
| `title` | of the page, as `--title` says |
| `most_negative`, `surprising`, `surprise` | quotes; what makes a row surprising. A quote has `file`, `row`, `sentiment`, `probability`, `text` (cut, if it is long), `why` |
| `texts` | `tokens`, of these `unknown` to the model; `texts`; `histogram` of the probability in 20 bins |
| `since`, `since_date`, `changes`, `tests`, `changed` | with `--since`: the files and the total before; the date, if it is one; shares that have changed beyond chance: `what`, `name`, `before`, `now`, `difference`, 95% `interval` (Newcombe 1998), `p_value` (Fisher's exact test) and `adjusted` (Benjamini and Hochberg); how many were compared, and how many have changed: `changes` has the words that changed most |
| `notes` | with `--since`: groups that are new or gone, and whether only the mix of groups has changed |
| `adjusted` | the share of positive rows that all scores together tell, 0 to 1; null where they are too few or too unsure. It is for files that were scored without `--prior` |
| `corrected` | with `--corrected`: `share` of positive with its `interval`, the share as `counted`, `sensitivity`, `specificity`, `method` |
| `warnings` | sentences, such as about texts that are unlike before |

## Which model has scored a file

The report has the `name`, `version` and `sha256` of the model. A Parquet or Arrow output has it, too, in the
metadata of its schema (`pyarrow.parquet.read_schema(path).metadata`, or `parquet_kv_metadata` in
DuckDB), beside the metadata of the input:

| key | meaning |
|---|---|
| `toolkit.version` | version of the toolkit that has scored the file |
| `toolkit.model`, `toolkit.model_version`, `toolkit.model_sha256` | the model, as in the report |
| `toolkit.threshold` | the probability from which a review is positive |
| `toolkit.neutral_range` | the range of probabilities in use, such as `0.4:0.6`; missing without one |
| `toolkit.by_sentence` | `true` or `false` |
| `toolkit.prior` | with `--prior`: the share of positive reviews by which the scores were adjusted |
| `toolkit.second_model`, `toolkit.second_model_sha256`, `toolkit.second_unsure`, `toolkit.second_mean` | with `--second`: the second model, the range in which it was asked, and whether the mean was taken |
| `toolkit.job_id` | the `job_id` of the file in the report |
| `toolkit.shard` | such as `3/16`, if the file is a part of a job; else missing |

Where a scored file is scored again, the new keys replace the old ones. The `job_id` is made of the
model, the options, the versions of the toolkit and of ONNX Runtime, and the name and the size of the
input, but not of its folder. So it is the same on every machine, in every run and with `--resume`,
as are the bytes of the output.

With `--names model=NAME`, each row has a column with that name. Its value is three words, such as
`reviews 2026.11 sha256-0123456789abcdef`: the name and the version of the model, in which other
characters than letters, digits and `_ . + -` are written as `_`, and the first 16 digits of its
`sha256`. Rows without a score have it, too. In Python it is `Scorer.model`, and `model_column` of
`Scorer.score_batch`.
"""

_SHARED = """\
## Options of several commands

They have the same meaning everywhere. All commands that read reviews read them the same way.
"""


def reference() -> str:
    """Give the whole page."""
    commands = {name: _options_of(name) for name in COMMANDS}
    entries = [entry for found in commands.values() for entry in found]
    texts = [(entry.names, entry.what) for entry in entries]  # headings may differ
    shared = {
        text: entry for text, entry in zip(texts, entries, strict=True) if texts.count(text) > 1
    }
    parts = [_PREFACE, _SHARED, *_panels(shared.values()), ""]
    for name, found in commands.items():
        own = [each for each in found if (each.names, each.what) not in shared]
        parts += _command(name, own)
        if others := [each for each in found if each not in own]:
            listed = ", ".join(f"`{each.names.split(', ')[-1].split(' ')[0]}`" for each in others)
            also = f"Also [options of several commands](#options-of-several-commands): {listed}."
            parts += [textwrap.fill(also, _WIDTH, break_on_hyphens=False), ""]
    return "\n".join(parts)


class Entry(NamedTuple):
    """An option or argument, as the page has it."""

    panel: str
    names: str
    what: str


def command_of(name: str) -> Any:
    """Give a command of the command line, as Typer has made it."""
    group: Any = typer.main.get_command(app)
    return group.get_command(group.make_context("toolkit", [], resilient_parsing=True), name)


def _options_of(name: str) -> list[Entry]:
    command, found = command_of(name), []
    more = _more(name, {_key(parameter) for parameter in command.params})
    for parameter in command.params:
        what, default, value = parameter.help.partition(" Default: ")
        what = f"{what} {more.get(_key(parameter), '')}".rstrip() + default + value
        title = "Arguments" if parameter.param_type_name == "argument" else "Options"
        panel = getattr(parameter, "rich_help_panel", None) or title
        if "--help" not in parameter.opts:
            found.append(Entry(panel, _names(parameter), what))
    return found


def _more(name: str, options: set[str]) -> dict[str, str]:
    """Give what is said of the options of a command beyond their help, if they are there."""
    presets = "; ".join(f"{each.name}, {each.summary}" for each in PRESETS.values())
    shipped = ", ".join(SHIPPED)
    filled = {
        "added": ", ".join(ADDED),
        "null_words": ", ".join(f"`{word}`" for word in NULL_WORDS),
        "files": "CSV, TSV, JSON, Parquet, Arrow or Excel; text also as .gz, .zst, .bz2, .xz, or in a .zip",
        "models": f"a shipped model ({shipped}), a model file of `toolkit export`, or a run folder of `toolkit train`",
        "presets": presets,
        "shipped": shipped,
        "uses": ", ".join(USES),
    }
    own = _texts(name)
    if unknown := own.keys() - options - {"about"}:
        raise ValueError(f"{OPTIONS}: {name} has no {', '.join(unknown)}")
    found = {**_texts("shared"), **own}
    return {key: " ".join(text.split()).format_map(filled) for key, text in found.items()}


def _texts(part: str) -> dict[str, str]:
    found: dict[str, str] = tomllib.loads(OPTIONS.read_text(encoding="utf-8")).get(part, {})
    return found


def _key(parameter: Any) -> str:
    is_argument = parameter.param_type_name == "argument"
    return str(parameter.metavar) if is_argument else max(parameter.opts, key=len)


def _command(name: str, entries: list[Entry]) -> Iterator[str]:
    command = command_of(name)
    usage = " ".join(
        command.collect_usage_pieces(command.make_context(name, [], resilient_parsing=True))
    )
    usage = re.sub("[{}]", "", usage).replace("[[MODEL]... DATA]...", "[MODEL]... [DATA]")
    yield f"## toolkit {name}\n\n{inspect.cleandoc(command.callback.__doc__)}\n"
    if about := _texts(name).get("about"):
        yield f"{about}\n"
    yield f"```\ntoolkit {name} {usage}\n```\n"
    yield from _panels(entries)


def _panels(entries: Iterable[Entry]) -> Iterator[str]:
    panels: dict[str, list[Entry]] = {"Arguments": [], "Options": []}
    for entry in entries:
        panels.setdefault(entry.panel, []).append(entry)
    for title, found in panels.items():
        if found:
            yield f"**{title}**\n"
            yield from (
                textwrap.fill(
                    f"- `{entry.names}`: {entry.what}",
                    _WIDTH,
                    subsequent_indent="  ",
                    break_long_words=False,
                    break_on_hyphens=False,
                )
                for entry in found
            )
            yield ""


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name)
    names = ", ".join(sorted((*parameter.opts, *parameter.secondary_opts), key=len))
    return names if parameter.is_flag else f"{names} {parameter.metavar}"

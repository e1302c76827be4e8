"""The cards of the shipped models, one page each, from what the model files say of themselves and from `sources.csv`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from exported.figures import figures_by_group
from exported.sources import FILMS_ONLY, OPEN_ONLY, load_sources, sources_table, terms_lines
from toolkit.model import ModelFile
from toolkit.model.description import (
    Fact,
    behaviour_table,
    calibration_line,
    data_rows,
    metric_rows,
    parity_line,
    star_rows,
    threshold_line,
)

_CARD = """\
<!-- Written by `python -m exported.make --cards` from the metadata of the model file. -->

# {name}

| | |
|---|---|
{release}| input | `text`: string[batch], UTF-8{at_least} |
| outputs | `probability`: float32[batch], of a positive review; `label`: string[batch], `{negative}` or `{positive}`{known}{stars} |
| threshold | {threshold} |
| reads | the last {max_tokens} tokens of a review; {vocabulary_size:,} token ids |
| preset | `{preset}` |
| size | {size:.2f} MB (ids-in twin: {twin_size:.2f} MB) |
| format | version {format_version}, written by toolkit {toolkit_version} |

## Intended use

{use}

## Training data

| | |
|---|---|
{data}
{teacher}
{reviews}

## Terms

{terms}

## Evaluation

| | |
|---|---|
{metrics}
| calibration | {calibration} |{more}
| parity | {parity} |
{figures}{behaviour}
## Limits

{domains} It reads no irony, and
of a review of more than {max_tokens} tokens only the end. {classes}

## Biases

{biases} Do not use it to assess people.
"""


@dataclass(frozen=True)
class _Kind:
    """What the cards of all models for some kind of reviews say."""

    use: str
    reviews: str
    terms: str
    domains: str
    biases: str


_FILMS = _Kind(
    use="Learning from the tutorial, and sorting English reviews of films into positive and negative.",
    reviews="""Large Movie Review Dataset (Maas et al., Learning Word Vectors for Sentiment Analysis, ACL 2011); it is not
part of this project.""",
    terms="""The weights are under the MIT licence. The training reviews are for research use. Before any
commercial use, ask a lawyer whether you can use this model.""",
    domains="""It knows English only, and films only: words that mean something else in other domains cause mistakes. It
understands little negation. An emoji that is written to a word without a space, or to another emoji, hides both: good😍 is
one word, which it does not know.""",
    biases="""It has learned from what visitors of one web site wrote up to 2011, so names of people, countries and genres carry
the opinions of that time and place.""",
)

_ALL = _Kind(
    use="""Sorting English reviews of any kind (films, hotels, restaurants, apps, products, services and more) into positive and
negative, in bulk or inside an application. It is not made for decisions about single persons, such as a doctor, a teacher
or an employee, and not for texts that are not reviews, such as news.""",
    reviews="""It learned from reviews of {domains} domains. [SOURCES.md](SOURCES.md) lists all {sources} sources with their rows and
terms; the data sets counted above are these, an opinion lexicon, for made-up phrases, and what was written for this project.
The reviews are not part of this project.""",
    terms="""The weights are under the MIT licence, as the code is. But the project does not own the training reviews, and their
terms differ:

{terms}

No stated term is against research, teaching and trials. Before any commercial use, ask a
lawyer whether you can use this model, or train your own on reviews that you have the rights to. A licence in a
repository covers what its owner made; it can rarely grant rights to reviews copied from a web site, whose terms apply.""",
    domains="""It knows English only. Accuracy differs by domain: see [Accuracy](ACCURACY.md), and measure it on your own reviews with
`toolkit evaluate`. It understands much negation, but not all.""",
    biases="""It has learned from what people wrote on web sites, most of them in North America, Europe and India, up to 2025.
Words for who people are (nationality, religion, gender, orientation, disability, age in tens, common first names) and where from
count as one word of their kind, which `toolkit/text/people.txt` lists, so that all of a kind move the probability alike. Names that are not
in that list, of people, brands and products, carry the opinions of that time and place. Reviews of some sources name private
persons (teachers, doctors, clerks); their names may carry an opinion, too.""",
)

_OPEN = replace(
    _ALL,
    use=f"""{_ALL.use.replace("films, ", "")} For companies: each of its data sets
states an open licence. That is what is known: whoever states it may not own all of the reviews, and its teacher was pretrained on other texts.""",
    reviews="""It learned from reviews of {domains} domains, of the {sources} sources of [SOURCES.md](SOURCES.md) that state an open
licence, and from no reviews of the IMDB data set; the data sets counted above are these, an opinion lexicon, for made-up phrases,
and what was written for this project. The reviews are not part of this project.""",
    terms="""The weights are under the MIT licence, as the code is. Each of its data sets states an open licence:

{terms}

{table}
CC BY asks that its authors are named, as here. A licence in a repository covers what its owner made; whether the web site that the
reviews were written on agrees is for it to say.""",
)

_STARS = "; `stars`: float32[batch], 1 to 5"
_CLASSES = """There is no class for neutral or mixed reviews: it learned from positive and negative ones only."""
_CLASSES_WITH_NEUTRAL = """It learned from positive and negative reviews only; what is neutral is told by a range of the
probability, which was chosen on held-out reviews."""
_KNOWN = "; `known_tokens`: int32[batch], words that the model knows (0: the text has no score)"

# Of the file that the tools in examples/teacher make.
_TEACHER = """
It was fitted to the labels of people and also to the probabilities that larger models give to its training texts. The
largest is a *pretrained* transformer, which the first table names, so part of what it knows comes from text outside the
data sets. By its model card, all-MiniLM-L6-v2 was made of a MiniLM that was distilled from BERT, and then trained on more than a
billion pairs of sentences from the web, such as Reddit, Stack Exchange, Yahoo Answers and MS MARCO; the terms of some of these
allow research only. None of these texts is in this project. `examples/teacher/imdb` and `examples/teacher/reviews` have the tools that made them; the test reviews were not
read. The texts without labels are {films}sentences of reviews of all domains, 60,000 made-up phrases, most of
them negated, and some 400,000 texts composed of frames: negation near and far, contrasts, turned expectations, then and now,
questions, opinions of others, comparisons, conditionals, and neutral sentences, most of them about persons, whose probability
is 0.5. `reviews` and `reviews-open` also learned from 18,465 reviews that were written for this project.
"""


def write_cards(paths: Iterable[Path], folder: Path) -> None:
    """Write the card of each text-in model file into a folder, `NAME.md`."""
    for path in paths:
        (folder / f"{path.stem}.md").write_text(model_card(path), encoding="utf-8")


def model_card(path: Path) -> str:
    """Write the card of one model, in Markdown."""
    facts = ModelFile.load(path).facts
    negative, positive = facts.labels
    kind = {FILMS_ONLY: _FILMS, OPEN_ONLY: _OPEN}.get(path.stem, _ALL)
    sources = load_sources(path.stem)
    return _CARD.format(
        name=path.stem,
        release="".join(f"| {name} | {line} |\n" for name, line in facts.release.rows()),
        preset=facts.preset,
        negative=negative,
        positive=positive,
        at_least="" if facts.counts_known_tokens else ", at least one text",
        known=_KNOWN if facts.counts_known_tokens else "",
        stars=_STARS if facts.stars is not None else "",
        more="".join(
            f"\n| {name} | {line} |" for name, line in star_rows(facts.stars, facts.neutral)
        ),
        classes=_CLASSES if facts.neutral is None else _CLASSES_WITH_NEUTRAL,
        threshold=threshold_line(facts.threshold, facts.threshold_choice),
        max_tokens=facts.max_tokens,
        vocabulary_size=facts.vocabulary_size,
        size=path.stat().st_size / 1e6,
        twin_size=path.with_suffix(".ids.onnx").stat().st_size / 1e6,
        data=_table(data_rows(facts.data)),
        metrics=_table(metric_rows(facts.metrics)),
        calibration=calibration_line(facts.calibration),
        parity=parity_line(facts),
        format_version=facts.format_version,
        toolkit_version=facts.toolkit_version,
        teacher=_TEACHER.format(films="" if kind is _OPEN else "film reviews, ")
        if facts.data.teachers
        else "",
        figures=figures_by_group(path.stem, trained_on=("films",) if kind is _FILMS else ()),
        behaviour=behaviour_table(facts.metrics.behaviour),
        use=kind.use,
        reviews=kind.reviews.format(
            sources=len(sources), domains=len({each.domain for each in sources if each.labelled})
        ),
        terms=kind.terms.format(terms=terms_lines(sources), table=sources_table(sources)),
        domains=kind.domains,
        biases=kind.biases,
    )


def _table(rows: Iterable[Fact]) -> str:
    return "\n".join(f"| {name} | {value} |" for name, value in rows)

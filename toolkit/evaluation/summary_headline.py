"""The first sentences of a summary: what a manager reads, made from the figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from toolkit.errors import counted
from toolkit.evaluation.cells import ends, percent
from toolkit.evaluation.summary import (
    Contrast,
    LabelCounts,
    Summary,
    Theme,
    has_enough_rows,
)

_NAMED_FIRST = 3  # themes and aspects
_FEWEST_OF_GROUP = 30  # rows of a group, an aspect or stars that is named
_CLOSE = 0.02  # difference of shares that are much the same without a test
_FAR = 0.02  # from the model's share to what the stars allow, for a disagreement


def headline(found: Summary) -> list[str]:
    """Return the figures in a few sentences."""
    return [*_sentences(found)]


def _sentences(found: Summary) -> Iterator[str]:
    yield _sentence_of_share(found)
    yield from _sentences_of_stars(found)
    if found.adjusted is not None and found.given_stars is None:
        adjusted = percent(1 - found.adjusted, 1)
        yield f"The {found.negative} share adjusted by all scores together is {adjusted}."
    if found.corrected is not None:
        low, high = (1 - end for end in found.corrected.interval[::-1])
        corrected = percent(1 - found.corrected.share, 1)
        yield (
            f"Corrected by labelled rows, {corrected} are {found.negative} ({ends((low, high))})."
        )
    yield from _sentences_of_turn(found)
    if found.complaints:
        yield _sentence_of_themes(found.complaints, found.negative)
    yield from _sentences_of_growth(found.complaints)
    yield from _sentences_of_contrasts(found.contrasts)
    yield from _sentences_of_aspects(found)
    if found.praise:
        yield _sentence_of_themes(found.praise, found.positive)
    if (worst := _sentence_of_worst_group(found)) is not None:
        yield worst
    if found.scored_by is not None:
        yield sentence_of_scoring(found.scored_by, found.scored_here)


def sentence_of_scoring(model: str, files: Sequence[str]) -> str:
    """Return which model has scored files that had no scores."""
    name = model.partition(" sha256-")[0]
    which = f"{files[0]}, which has" if len(files) == 1 else f"{len(files):,} files, which have"
    return f"The model {name} has scored {which} no scores, for this summary."


def _sentence_of_share(found: Summary) -> str:
    """Return the share of negative reviews, and its change since earlier files."""
    sentence = _share_of_negative(found)
    before_then = f"before {found.since_date}" if found.since_date else "before"
    for change in found.changes:
        if (change.what, change.name) == ("label", found.negative):
            direction = "more" if change.difference > 0 else "less"
            points = f"{abs(100 * change.difference):.1f} points {direction}"
            return f"{sentence}, {points} than {before_then}."
    if found.since is None:
        return f"{sentence}."
    now, before = (each.total.share(found.negative) for each in (found, found.since))
    if not has_enough_rows(before, now) and abs(now.value - before.value) > _CLOSE:
        return f"{sentence}. Too few rows to tell whether that has changed."
    return f"{sentence}. The share {before_then} was much the same."


def _share_of_negative(found: Summary) -> str:
    """Return the first sentence, on the negative reviews, without its end."""
    share = found.total.share(found.negative).value
    if found.total.rows == 1:
        return f"The only review is {found.negative if share else f'not {found.negative}'}"
    return f"{percent(share, 1)} of {found.total.rows:,} reviews are {found.negative}"


def _sentences_of_stars(found: Summary) -> Iterator[str]:
    """Compare the share of the model with the stars that reviewers gave."""
    stars = found.given_stars
    if stars is None or stars.rows < _FEWEST_OF_GROUP:
        return
    low = stars.low / stars.rows
    middle = stars.middle / stars.rows
    called = stars.called_negative / stars.rows
    best_low, best_middle = ("1 to 4", "5 or 6") if stars.scale > 5 else ("1 or 2", "3")
    by_stars = (
        f"{percent(low, 1)} of the reviewers gave {best_low} stars and {percent(middle, 1)} gave "
        f"{best_middle}"
    )
    of = "" if stars.rows == found.total.rows else f", in {stars.rows:,} reviews with stars"
    if low - _FAR <= called <= low + middle + _FAR:
        yield f"The stars agree: {by_stars}{of}."
        return
    way = "more" if called > low else "fewer"
    is_of_all = stars.rows == found.total.rows
    called_so = (
        f"reviews {found.negative}"
        if is_of_all
        else f"of these {found.negative} ({percent(called, 1)})"
    )
    yield (
        f"The stars disagree: {by_stars}{of}. The model calls {way} {called_so} than the "
        "reviewers did: trust the stars for the share."
    )


def _sentences_of_turn(found: Summary) -> Iterator[str]:
    """Say since when the share is higher or lower, if chance does not explain it."""
    turn = found.turn
    if turn is None:
        return
    way = "risen" if turn.now.value > turn.before.value else "fallen"
    yield (
        f"The share has {way}: {percent(turn.now.value, 1)} since {turn.since}, "
        f"{percent(turn.before.value, 1)} before."
    )


def _sentence_of_themes(themes: Sequence[Theme], label: str) -> str:
    """Name the first themes, with their numbers of reviews."""
    named = themes[:_NAMED_FIRST]
    counts = [counted(named[0].reviews, "review"), *(f"{each.reviews:,}" for each in named[1:])]
    shown = [f"“{each.name}” ({count})" for each, count in zip(named, counts, strict=True)]
    verb = "is" if len(named) == 1 else "are"
    return f"Typical of {label} reviews {verb} {_listed(shown)}."


def _sentences_of_growth(themes: Sequence[Theme]) -> Iterator[str]:
    """Name the complaint that has grown most surely, if one has."""
    turns = [
        (each.name, each.trend.turn)
        for each in themes
        if each.trend is not None and each.trend.turn is not None
    ]
    grown = [(name, turn) for name, turn in turns if turn.now.value > turn.before.value]
    for name, turn in sorted(grown, key=lambda each: each[1].p_value)[:1]:
        yield (
            f"“{name}” has grown: {percent(turn.now.value, 1)} of all reviews since {turn.since}, "
            f"{percent(turn.before.value, 1)} before."
        )


def _sentences_of_contrasts(contrasts: Sequence[Contrast]) -> Iterator[str]:
    """Name the group with the surest complaint that others have less often, if one has."""
    more = [each for each in contrasts if each.is_sure and each.difference > 0]
    more.sort(key=lambda each: (each.of != "theme", each.adjusted))
    if not more:
        return
    first = more[0]
    named = [each for each in more if (each.group, each.of) == (first.group, first.of)]
    shown = [
        f"“{each.name}” ({percent(each.here.value, 1)} of its reviews, "
        f"{percent(each.elsewhere.value, 1)} of the others)"
        for each in named[:_NAMED_FIRST]
    ]
    yield f"{first.group or '(empty)'} has more complaints about {_listed(shown)}."


def _sentences_of_aspects(found: Summary) -> Iterator[str]:
    """Name the aspects with most negative reviews, and the one that is hardest hit."""
    own = [(each, each.labels.get(found.negative, 0)) for each in found.aspects]
    ranked = sorted((pair for pair in own if pair[1]), key=lambda pair: (-pair[1], pair[0].name))
    named = ranked[:_NAMED_FIRST]
    if not named:
        return
    shown = [f"{each.name} ({count:,})" for each, count in named]
    shown[0] = f"{named[0][0].name} ({counted(named[0][1], 'review')})"
    most = _listed(shown)
    large = [each for each, _ in ranked if each.rows >= _FEWEST_OF_GROUP]
    sentence = f"By aspect, most complaints are about {most}"
    if len(large) < 2:
        yield f"{sentence}."
        return
    worst = max(large, key=lambda each: (each.share(found.negative).value, each.name))
    share = percent(worst.share(found.negative).value, 1)
    yield (
        f"{sentence}. The aspect with the worst reviews is {worst.name}: {share} of the "
        f"{worst.rows:,} reviews that mention it are {found.negative} about it."
    )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _sentence_of_worst_group(found: Summary) -> str | None:
    """Name the group that is surely more negative than all rows; None if no group is."""
    whole = found.total.share(found.negative)
    worst: tuple[float, str, str, LabelCounts] | None = None
    for column, slices in found.by.items():
        for each in slices:
            share = each.share(found.negative) if each.is_group else None
            if share is None or each.rows < _FEWEST_OF_GROUP:
                continue
            rank = share.interval[0], each.name
            # Its interval has nothing in common with the interval of all rows.
            if share.interval[0] > whole.interval[1] and (worst is None or rank > worst[:2]):
                worst = (*rank, column, each)
    if worst is None:
        return None
    _, name, column, group = worst
    value = percent(group.share(found.negative).value, 1)
    return (
        f"By {column}, {name or '(empty)'} is most clearly above the average: {value} of "
        f"{group.rows:,} reviews are {found.negative}."
    )

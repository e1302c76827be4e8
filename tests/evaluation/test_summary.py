"""What scored files say: the laws of its statistics, and its words."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from math import comb

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.evaluation.metrics import Proportion
from toolkit.evaluation.summary import (
    PERIODS,
    RATE,
    LabelCounts,
    Period,
    TextFigures,
    gap_warning,
    in_steps,
)
from toolkit.evaluation.summary_changes import (
    beyond_chance,
    changed,
    correct,
    exact_p,
    turn_of,
    unlike_before,
)
from toolkit.evaluation.summary_checks import ScoreChecks
from toolkit.evaluation.summary_dates import DateCounts, read_days
from toolkit.evaluation.summary_themes import Terms, in_reviews
from toolkit.evaluation.summary_words import log_odds
from toolkit.model.sentences import ScoredSentences, SentenceRule
from toolkit.text.token_ids import FIRST_WORD_ID
from toolkit.text.vocabulary import Vocabulary

SPELLED = (
    "the was were my of not no worst horrible ride rides close closed closes account refund wait "
    "waited 20 two minutes working is it they thing told people why"
)
VOCABULARY = Vocabulary(pa.array(SPELLED.split(" ")))
TERMS = Terms(VOCABULARY)
WORDS = [*VOCABULARY.words.to_pylist(), "unheard"]
shares = st.floats(0.0, 1.0)


def found_in(texts: list[str], probability: list[float] | None = None) -> list[set[str]]:
    """The terms of each sentence of texts, by their names."""
    ids = VOCABULARY.encode(pa.array(texts, pa.string()), with_cuts=True)
    found = SentenceRule(VOCABULARY).sentences(ids, 512)
    chances = np.array(probability or [0.1] * len(found.ids), np.float32)
    sentences = ScoredSentences(found.ids, found.reviews, chances, np.sign(chances - 0.5))
    rows, keys = TERMS.of(sentences)
    names: list[set[str]] = [set() for _ in found.reviews]
    for row, key in zip(rows.tolist(), keys.tolist(), strict=True):
        names[row].add(TERMS.name(key))
    return names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The rides were closed", {"ride", "close", "ride close"}),
        ("They closed my account", {"account", "close", "close account"}),
        ("My account was closed", {"account", "close", "close account"}),
        ("It is not working", {"not working"}),
        ("No refund", {"refund", "not refund"}),
        ("We waited 20 minutes", {"wait", "some minutes"}),
        ("We wait two minutes", {"wait", "some minutes"}),
        ("The ride closes", {"ride", "close", "ride close"}),
        ("Horrible. The worst thing. We told people why", set()),
        ("My account. Closed", {"account", "close"}),
        ("The account, unheard, was closed", {"account", "close"}),
    ],
)
def test_terms_say_what_it_is_about(text: str, expected: set[str]) -> None:
    assert set().union(*found_in([text])) == expected


@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=8), max_size=12))
def test_terms_do_not_depend_on_what_is_around(reviews: list[list[str]]) -> None:
    texts = [" ".join(["account", *words]) for words in reviews]
    together = found_in(texts)
    assert together == [found_in([text])[0] for text in texts]


def test_words_for_who_people_are_and_names_are_no_terms() -> None:
    """They have one id for many, which would show a name that nobody wrote."""
    spelled = Vocabulary(pa.array(["james", "america", "husband", "don't", "shower"]))
    terms = Terms(spelled)
    ids = spelled.encode(pa.array(["Robert, my wife and London shower dont"]), with_cuts=True)
    rows = np.zeros(1, np.int64)
    chance = np.full(1, 0.1, np.float32)
    _, keys = terms.of(ScoredSentences(ids, rows, chance, np.zeros(1, np.int8)))
    assert {terms.name(key) for key in keys.tolist()} == {"shower"}


def test_forms_with_another_start_are_one_word() -> None:
    terms = Terms(Vocabulary(pa.array(["exist", "existing", "preexisting", "condition"])))
    assert len(set(terms.stem[FIRST_WORD_ID : FIRST_WORD_ID + 3].tolist())) == 1


def test_a_term_counts_once_per_review_of_the_kind_of_its_sentence() -> None:
    """Complaints are below 0.5, praise is not; a review says a thing once or more often."""
    ids = VOCABULARY.encode(
        pa.array(["A refund. Refund. My account", "The refund. Account", "Refund"]), with_cuts=True
    )
    found = SentenceRule(VOCABULARY).sentences(ids, 512)
    chances = np.array([0.1, 0.2, 0.9, 0.8, 0.1, 0.1], np.float32)
    sentences = ScoredSentences(found.ids, found.reviews, chances, np.zeros(6, np.int8))
    rows, keys = TERMS.of(sentences)
    places, reviews = in_reviews(sentences, rows, keys, np.array([0, 1, -1], np.int8))
    names = [TERMS.name(key) for key in keys[places].tolist()]
    assert [*zip(reviews.tolist(), names, strict=True)] == [(0, "refund"), (1, "refund")]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=20))
def test_log_odds_change_their_sign_with_the_kinds(pairs: list[tuple[int, int]]) -> None:
    counts, of = np.array(pairs), np.array([60, 90])
    counts = counts[counts.sum(axis=1) > 0]
    found = log_odds(counts, of)
    assert found == pytest.approx(-log_odds(counts[:, ::-1], of[::-1]))
    alike = counts[:, 0] * 90 == counts[:, 1] * 60
    assert found[alike] == pytest.approx(np.zeros(alike.sum()), abs=1e-9)


@given(shares, st.floats(0.55, 1.0), st.floats(0.55, 1.0))
def test_a_corrected_share_is_the_true_one(true: float, se: float, sp: float) -> None:
    counts = 1_000_000
    called = true * se + (1 - true) * (1 - sp)
    found = correct(*(Proportion(share * counts, counts) for share in (called, se, sp)))
    assert found is not None
    assert found.share == pytest.approx(true, abs=1e-6)
    assert found.interval[0] <= found.share <= found.interval[1]


def test_the_interval_of_a_corrected_share_has_the_true_one() -> None:
    """In 95 of 100 trials, or a little more or less: 400 labelled rows, 2,000 that are counted."""
    draw, trials, inside = np.random.default_rng(0), 1_000, 0
    for _ in range(trials):
        se, sp = (Proportion(draw.binomial(200, share), 200) for share in (0.9, 0.8))
        called = draw.binomial(2_000, 0.3 * 0.9 + 0.7 * 0.2)
        found = correct(Proportion(called, 2_000), se, sp)
        assert found is not None
        low, high = found.interval
        inside += low <= 0.3 <= high
    assert 0.92 <= inside / trials <= 0.98


def test_few_labelled_rows_that_are_all_right_prove_little() -> None:
    right = Proportion(1, 1)
    found = correct(Proportion(16_000, 28_943), right, right)
    assert found is not None
    low, high = found.interval
    assert high - low > 0.5


@given(st.tuples(*[st.tuples(st.integers(0, 60), st.integers(0, 60))] * 3))
def test_a_corrected_share_is_a_share(counts: tuple[tuple[int, int], ...]) -> None:
    assume(all(map(any, counts)))
    called, se, sp = (Proportion(right, right + wrong) for right, wrong in counts)
    try:
        found = correct(called, se, sp)
    except ValueError:
        return
    if found is not None:
        low, high = found.interval
        assert 0 <= low <= found.share <= high <= 1


def test_nothing_is_corrected_by_chance() -> None:
    half = Proportion(5, 10)
    assert correct(half, half, half) is None


@given(st.lists(st.floats(0.0, 1.0), max_size=40))
@example([0.0, 0.0, 0.0, 0.0, 2.136566465783131e-234])
def test_changes_beyond_chance_are_those_of_benjamini_and_hochberg(values: list[float]) -> None:
    one = changed("label", "x", Proportion(40, 100), Proportion(50, 100))
    assert one is not None
    bounds = [RATE * rank / len(values) for rank in range(1, len(values) + 1)]
    assume(all(abs(p - bound) > 1e-9 for p in values for bound in bounds))
    tests = [type(one)("label", str(at), one.before, one.now, p) for at, p in enumerate(values)]
    kept = {each.name: each.adjusted for each in beyond_chance(tests)}
    ranks = [rank for rank, p in enumerate(sorted(values), 1) if p <= RATE * rank / len(values)]
    limit = sorted(values)[ranks[-1] - 1] if ranks else -1.0
    assert {*kept} == {each.name for each in tests if each.p_value <= limit}
    assert all(values[int(name)] <= adjusted <= RATE for name, adjusted in kept.items())


@pytest.mark.parametrize(("before", "now"), [(400, 400), (20_000, 400), (400, 20_000)])
@pytest.mark.parametrize("share", [0.3, 0.02])
def test_few_changes_by_chance_are_called_changes(before: int, now: int, share: float) -> None:
    """Of 200 comparisons of 100 equal shares, about 5% have one, whatever the sizes."""
    draw, found = np.random.default_rng(1), 0
    for _ in range(200):
        pairs = zip(
            *(draw.binomial(rows, share, 100).tolist() for rows in (before, now)), strict=True
        )
        both = [
            changed("label", "x", Proportion(old, before), Proportion(new, now))
            for old, new in pairs
        ]
        found += bool(beyond_chance([each for each in both if each is not None]))
    assert found / 200 < 0.1


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_the_exact_test_is_that_of_fisher(before: int, now: int, data: st.DataObject) -> None:
    """Summed in whole numbers over all tables with the same margins."""
    old, new = (data.draw(st.integers(0, rows)) for rows in (before, now))
    right = old + new
    tables = [
        comb(before, right - count) * comb(now, count)
        for count in range(max(0, right - before), min(right, now) + 1)
    ]
    seen = comb(before, old) * comb(now, new)
    expected = sum(each for each in tables if each <= seen) / sum(tables)
    assert exact_p(Proportion(old, before), Proportion(new, now)) == pytest.approx(expected)


def test_the_exact_test_takes_large_counts() -> None:
    alike = exact_p(Proportion(500_000, 1_000_000), Proportion(50_100, 100_000))
    assert alike == pytest.approx(0.5483, abs=0.001)
    assert exact_p(Proportion(0, 1_000_000), Proportion(900_000, 1_000_000)) == 0


def test_a_change_of_few_rows_is_not_tested() -> None:
    assert changed("label", "x", Proportion(0, 3), Proportion(3, 3)) is None


def days_of(values: Sequence[str | None], form: str | None = None) -> tuple[list[str], DateCounts]:
    """Read days as a run does, in blocks of three values."""
    counts, found = DateCounts(), []
    for first in range(0, len(values), 3):
        block = read_days(pa.array(values[first : first + 3], pa.large_string()), form)
        counts.add(block.counts, first)
        found.append(block.by_order)
    order = counts.order("f.csv: column 'd'")
    return [
        plain if plain is not None else slashes
        for block in found
        for plain, slashes in zip(block[""].to_pylist(), block[order].to_pylist(), strict=True)
    ], counts


def test_the_order_of_a_date_is_decided_over_all_rows() -> None:
    """A block of the first days of January may begin with the month or with the day."""
    days = [f"{day:02d}/{month:02d}/2026" for month in (1, 2) for day in range(1, 29)]
    found, counts = days_of(days)
    assert found == [f"2026-{m:02d}-{d:02d}" for m in (1, 2) for d in range(1, 29)]
    assert counts.check("") == []
    assert days_of([f"{day[3:6]}{day[:3]}{day[6:]}" for day in days])[0] == found
    with pytest.raises(UsageError, match=r"'01/02/2026' may begin with the month or with the day"):
        days_of(days[28:40])
    with pytest.raises(UsageError, match=r"'02/14/2026' begins with the month, and '13/01/2026'"):
        days_of([*days[:20], "02/14/2026"])


def test_what_is_not_a_date_is_told() -> None:
    values = ["2026-02-28", "2026-02-31", None, "28.2.2026", "Feb 29, 2026", "5 Sept 2026", " "]
    found, counts = days_of([*values, "0001-01-01"])
    assert found == ["2026-02-28", "", "", "2026-02-28", "", "2026-09-05", "", ""]
    assert counts.check("f.csv: column 'd'") == [
        "f.csv: column 'd': 2 values of 6 are not dates, and left out. The first is '2026-02-31', "
        "row 2.",
        "f.csv: column 'd': 1 value of 6 stands for a missing date, such as '0001-01-01', and "
        "left out.",
    ]
    assert days_of(["31.02.2026", "28.02.2026"], "%d.%m.%Y")[0] == ["", "2026-02-28"]


@pytest.mark.parametrize(
    ("times", "zones"),
    [
        (["10:00Z", "10:00:00.5+00:00", "10:00 UTC", "10:00:00-0000", "10:00 AM GMT"], None),
        (["10:00", "22:59:59", "9:00 pm", ""], None),
        (["10:00-04:00", "10:00-0500", ""], None),  # summer and winter of one place
        (["10:00+01:00[Europe/Paris]", "10:00+02:00[Europe/Paris]"], None),
        (["10:00Z", "10:00", "10:00", ""], "1 with +00:00, 2 without one"),
        (["10:00+02:00", "10:00-05", "10:00-05:00"], "2 with -05:00, 1 with +02:00"),
        (["10:00 EST", "10:00 AM PST"], "1 with EST, 1 with PST"),
        (
            ["10:00+01", "10:00+02", "10:00+03", "10:00+04", "10:00+05"],
            "1 with +01:00, 1 with +02:00, 1 with +03:00, 2 more zones",
        ),
    ],
)
def test_a_mix_of_time_zones_is_told(times: list[str], zones: str | None) -> None:
    found, counts = days_of([f"2026-03-31 {time}".strip() for time in times])
    assert {*found} == {"2026-03-31"}
    warnings = counts.check("f.csv: column 'd'")
    assert [warning.partition(". ")[0] for warning in warnings] == (
        [f"f.csv: column 'd': the times are in different time zones: {zones}"] if zones else []
    )


def checks_of(kinds: list[int], probability: list[float]) -> ScoreChecks:
    found = ScoreChecks()
    for first in range(0, len(kinds), 3):
        part = slice(first, first + 3)
        own = np.array(kinds[part], np.int8), np.array(probability[part])
        found.add(ScoreChecks.of(*own, np.arange(len(own[0]))), "f.csv", first)
    return found


@given(st.floats(0.06, 0.94), st.lists(st.floats(0, 1), min_size=1))
def test_labels_of_one_threshold_do_not_contradict(threshold: float, values: list[float]) -> None:
    found = checks_of([int(each >= threshold) for each in values], values)
    assert found.contradictions == 0
    assert found.warnings(("negative", "positive"), "m") == []


def test_labels_that_contradict_their_probability_are_told() -> None:
    (found,) = checks_of([0, 1, 1, 0, -1], [0.1, 0.9, 0.2, 0.3, 0.99]).warnings(
        ("bad", "good"), "m"
    )
    assert found.startswith(
        "At least 1 row contradicts itself: f.csv row 3 is good with a probability of good of "
        "0.200. They may be"
    )
    (found,) = checks_of([0, 1, 0, 0], [0.97, 0.9, 0.8, 0.6]).warnings(("bad", "good"), "m")
    assert "No probability is below 0.5, so this may be the confidence of the label" in found


@pytest.mark.parametrize("value", [0.9, 0.5, 0.1234567])
def test_rows_of_one_probability_with_both_labels_contradict(value: float) -> None:
    (found,) = checks_of([0, 1] * 50, [value] * 100).warnings(("bad", "good"), "m")
    assert found.startswith("At least 50 rows contradict themselves: f.csv row ")
    # Probabilities that are rounded to two places, near their threshold.
    spread = [at / 1000 for at in range(1000)]
    labels = [int(each >= 0.5035) for each in spread]
    assert checks_of(labels, [round(each, 2) for each in spread]).contradictions == 0


def slices_of(days: dict[date, int]) -> dict[date, LabelCounts]:
    return {day: LabelCounts("", {"negative": count}) for day, count in days.items()}


@given(
    st.dictionaries(st.dates(date(2020, 1, 1), date(2026, 1, 1)), st.integers(1, 9), min_size=1),
    st.sampled_from([None, *PERIODS]),
)
def test_days_are_put_together(days: dict[date, int], period: Period | None) -> None:
    step, slices = in_steps(slices_of(days), period)
    assert step == (period or step)
    assert sum(each.rows for each in slices) == sum(days.values())
    names = [each.name for each in slices]
    assert names == sorted({*names})
    if step == "week":
        starts = [date.fromisoformat(name) for name in names]
        assert all(day.weekday() == 0 for day in starts)
        assert all(b - a == timedelta(7) for a, b in itertools.pairwise(starts))
    if step == "month":
        sums = Counter({f"{day:%Y-%m}": 0 for day in days})
        for day, count in days.items():
            sums[f"{day:%Y-%m}"] += count
        assert {each.name: each.rows for each in slices if each.rows} == dict(sums)


def test_a_mistyped_year_is_told() -> None:
    """One row of 2062 fills the table with months without rows."""
    days = {date(2026, month, 1): 100 for month in range(1, 7)}
    told = "The 426 months between 2026-06 and 2062-01 have no rows. Is a date mistyped?"
    for more, expected in (({}, []), ({date(2062, 1, 5): 1}, [told])):
        step, slices = in_steps(slices_of(days | more), "month")
        assert gap_warning({each.name: each.rows for each in slices}, step) == expected


def test_many_short_gaps_are_no_mistyped_year() -> None:
    days = {date(2026, 1, 1) + timedelta(days=10 * at): 1 for at in range(30)}
    step, slices = in_steps(slices_of(days), "day")
    assert gap_warning({each.name: each.rows for each in slices}, step) == []


def test_a_few_texts_are_not_unlike() -> None:
    before = TextFigures(150_000, 3000, 3000, [150] * 20)
    few = TextFigures(15, 7, 3, [0] * 19 + [3])
    assert unlike_before(few, before) == unlike_before(before, few) == []


@pytest.mark.parametrize(
    ("days", "a_day", "expected"),
    [
        (30, 100, "day"),
        (30, 99, "week"),  # 5 weeks
        (365, 1_000, "week"),  # as 365 days are too many to read
        (365, 14, "month"),
        (365, 15, "week"),
        (365, 1, "month"),  # none has enough rows: the longest
        (40, 1, "week"),  # two months say nothing
        (3, 1, "day"),
        (2_000, 1_000, "month"),
    ],
)
def test_a_step_has_enough_rows(days: int, a_day: int, expected: str) -> None:
    start = date(2024, 1, 1)
    rows = {start + timedelta(days=at): a_day for at in range(days)}
    step, slices = in_steps(slices_of(rows))
    assert (step, sum(each.rows for each in slices)) == (expected, days * a_day)


def steps_of(negative: list[int], count: int) -> list[LabelCounts]:
    return [
        LabelCounts(f"step {at}", {"negative": each, "positive": count - each})
        for at, each in enumerate(negative)
    ]


def test_a_turn_is_where_the_share_changes() -> None:
    turn = turn_of(steps_of([20] * 8 + [40] * 4, 100), "negative")
    assert turn is not None
    assert (turn.since, turn.before, turn.now) == (
        "step 8",
        Proportion(160, 800),
        Proportion(160, 400),
    )
    assert turn.p_value < 1e-6
    assert turn_of(steps_of([20, 21, 19, 20, 22, 18], 100), "negative") is None
    assert turn_of(steps_of([0, 10], 10), "negative") is None  # too few rows to say
    assert turn_of([], "negative") is None


def test_chance_rarely_makes_a_turn() -> None:
    draw = np.random.default_rng(1)
    drawn = draw.binomial(50, 0.2, (200, 30)).tolist()
    found = [turn_of(steps_of(each, 50), "negative") for each in drawn]
    assert sum(each is not None for each in found) <= 10


def test_other_texts_are_warned_of() -> None:
    before = TextFigures(10_000, 300, 200, [100] * 10 + [0] * 9 + [100])
    assert unlike_before(before, before) == []
    changes = (
        TextFigures(10_000, 1_500, 200, before.histogram),
        TextFigures(40_000, 1_200, 200, before.histogram),
        TextFigures(10_000, 300, 200, before.histogram[::-1]),
    )
    words = (
        "more words unknown to the model: 3.0% before, 15.0% now",
        "a different length: a mean of 50 words before, 200 now",
        "a different distribution of scores",
    )
    for now, word in zip(changes, words, strict=True):
        (found,) = unlike_before(now, before)
        assert word in found

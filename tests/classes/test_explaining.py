"""`toolkit explain` and `score --reasons` with a model of classes."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from tests.classes.tickets import TOPICS, model, tickets, write
from tests.cli.running import Command
from toolkit.errors import UsageError
from toolkit.model import Scorer, class_reasons, load_model
from toolkit.model.class_reasons import ReasonTables
from toolkit.model.explain import Explainer, log_odds
from toolkit.model.native_network import Graph
from toolkit.text import TokenIds

TEXT = "The parcel is late, and zqzq my card"


def logit_of(scorer: Scorer, text: str, label: str) -> float:
    (found,) = scorer.class_probabilities([text])
    assert found is not None
    return float(np.log(found[label] / (1 - found[label])))


@pytest.mark.parametrize("label", [None, "app", "BILLING, refunds"])
def test_a_contribution_is_what_hiding_the_word_takes_away(label: str | None) -> None:
    scorer = Scorer(model())
    found = scorer.explain_class(TEXT, label)
    shares = scorer.class_probabilities([TEXT])[0]
    assert shares is not None
    assert (found.label, found.probability) == next(iter(shares.items()))
    assert found.explained.casefold() == (label or found.label).casefold()
    assert found.explained_probability == shares[found.explained]
    assert found.logit == pytest.approx(logit_of(scorer, TEXT, found.explained), abs=1e-4)
    assert [word.text for word in found.words] == TEXT.replace(",", "").split()
    for word in found.words:
        hidden = f"{TEXT[: word.start]}zqzq{TEXT[word.end :]}"
        fall = found.logit - logit_of(scorer, hidden, found.explained)
        assert word.contribution == pytest.approx(fall, abs=1e-4)
        assert word.state == ("unknown" if word.text == "zqzq" else "read")
    total = found.baseline + sum(word.contribution for word in found.words) + found.rest
    assert total == pytest.approx(found.logit)


def test_log_odds_are_exact_where_a_probability_is_one() -> None:
    logits = np.array([[100.0, 0, 0], [1, 2, 3]])
    found = log_odds(logits, np.array([0, 2]))
    share = np.exp(3) / np.exp([1, 2, 3]).sum()
    assert found == pytest.approx([100 - np.log(2), np.log(share / (1 - share))])


def linear_tables() -> ReasonTables:
    loaded = load_model(model())
    found = ReasonTables.of(Graph(loaded.network_nodes, loaded.weights))
    assert found is not None
    return found


@pytest.mark.parametrize("at_once", [1, 1 << 17])
def test_the_tables_give_the_contributions_of_the_network(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(class_reasons, "_NUMBERS_AT_ONCE", at_once)
    loaded = load_model(model())
    random = np.random.default_rng(3)
    # Two texts are as long as the model reads, or longer: there, no start id is in front.
    lengths = [0, 5, 1, 40, loaded.facts.max_tokens, loaded.facts.max_tokens + 9, 0, 8]
    drawn = [random.integers(2, loaded.facts.vocabulary_size, length) for length in lengths]
    # With the pairs that the model knows, and an id before each text that is no part of it.
    known = Scorer(model()).vocabulary.encode(pa.array([text for text, _ in tickets(20)]))
    values = np.concatenate([*(np.append(7, row) for row in drawn), known.values]).astype(np.int32)
    stops = np.cumsum(np.array(lengths) + 1)
    starts = stops - lengths
    ids = TokenIds(
        values=values,
        starts=np.concatenate([starts, known.starts + stops[-1]]),
        stops=np.concatenate([stops, known.stops + stops[-1]]),
    ).last(loaded.facts.max_tokens)
    inside = np.zeros(len(values), np.bool_)
    for start, stop in zip(ids.starts, ids.stops, strict=True):
        inside[start:stop] = True
    places = np.flatnonzero(inside & (values > 2))
    rows = np.searchsorted(ids.stops, places, "right")
    classes = random.integers(0, len(TOPICS), len(ids))
    expected = Explainer(loaded).contributions(ids, rows, places, classes=classes)
    assert np.abs(expected).max() > 0.5
    found = linear_tables().contributions(
        ids, rows, places, classes=classes, most=loaded.facts.max_tokens
    )
    assert found == pytest.approx(expected, abs=1e-5)
    before, after = known.values[:-1].astype(np.int64), known.values[1:].astype(np.int64)
    assert linear_tables()._rows_of(before, after).any()  # the texts have pairs that count


def test_reasons_of_a_linear_network_do_not_run_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Explainer, "__init__", lambda *_: pytest.fail("the network is loaded"))
    (words,) = Scorer(model(), reasons=2).reasons(["late parcel"])
    assert {*words} == {"late", "parcel"}


def test_reasons_are_the_words_that_explain_shows(command: Command) -> None:
    scorer = Scorer(model(), reasons=2)
    texts = [text for text, _ in tickets(60, seed=5)]
    reasons = scorer.reasons(texts)
    assert len({*map(tuple, reasons)}) > 20
    for text, words in zip(texts, reasons, strict=True):
        found = {word.text: word.contribution for word in scorer.explain_class(text).words}
        strongest = sorted(filter(lambda word: found[word] > 0, found), key=lambda w: -found[w])
        assert [found[word] for word in words] == pytest.approx(
            [found[word] for word in strongest[:2]], abs=1e-5
        )
    source = write(command.folder / "t.csv", [*tickets(60, seed=5), ("", "app"), ("zq", "app")])
    options = ("--reasons", "2", "--top", "2", "--probabilities")
    ran = command("score", source, "-m", model(), "-o", "b.jsonl", *options)
    assert ran.exit_code == 0, ran.err
    rows = [json.loads(line) for line in (command.folder / "b.jsonl").read_text().splitlines()]
    names = ["predicted_label", "label_probability", "top_labels", "reasons"]
    assert [*rows[0]] == ["text", "topic", *names, *(f"probability_{topic}" for topic in TOPICS)]
    assert [row["reasons"] for row in rows] == [*map("; ".join, reasons), None, None]


def test_the_command_explains_the_label_or_another_class(command: Command) -> None:
    first = command("explain", "-m", model(), TEXT)
    assert first.exit_code == 0, first.err
    shares = Scorer(model()).class_probabilities([TEXT])[0]
    assert shares is not None
    label, probability = next(iter(shares.items()))
    assert first.out.splitlines()[0] == f"{label}, probability {probability:.3f}"
    assert "parcel" in first.out
    assert "log-odds +" in first.out
    assert "unknown to the model, no effect: zqzq" in first.out
    other = command("explain", "-m", model(), "--class", "APP", TEXT)
    assert f"words for and against app, probability {shares['app']:.3f}:" in other.out
    found = json.loads(command("explain", "-m", model(), "--json", "--class", "app", TEXT).out)
    assert found["label"] == label
    assert found["explained"] == "app"
    assert found["explained_probability"] == pytest.approx(shares["app"])
    assert found["words"][1]["text"] == "parcel"
    assert found["words"][1]["contribution"] < 0


def test_rows_of_a_file_without_a_label_are_left_out(command: Command) -> None:
    data = write(command.folder / "t.csv", [("zq zq", "app"), ("parcel late", "app")])
    ran = command("explain", "-m", model(), "--file", data)
    assert ran.exit_code == 0, ran.err
    assert ran.out.startswith("row 2: delivery")
    data = write(command.folder / "u.csv", [("zq zq", "app")])
    ran = command("explain", "-m", model(), "--file", data)
    assert ran.exit_code == 1
    assert ran.err.endswith(
        "nothing to explain: in the first 1 row with text, the model knows no word.\n"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--class", "ap"], "--class: 'ap' is not a class of the model, did you mean 'app'?"),
        (["--class", "sport"], "(it has: app, 'billing, refunds', delivery, the \"login\")"),
        (["--by-sentence"], "--by-sentence: only for models of negative and positive"),
    ],
)
def test_what_cannot_be_explained_is_refused(
    command: Command, options: list[str], message: str
) -> None:
    ran = command("explain", "-m", model(), *options, TEXT)
    assert ran.exit_code == 2
    assert message in ran.err
    assert ran.err.count("\n") == 1


def test_each_kind_of_model_has_its_own_method() -> None:
    with pytest.raises(UsageError, match=r"^explain: .*Use explain_class\."):
        Scorer(model()).explain(TEXT)
    with pytest.raises(UsageError, match=r"^explain_class: only for models of classes"):
        Scorer().explain_class(TEXT)
    with pytest.raises(UsageError, match="knows no word of 'zqzq', so it has no label"):
        Scorer(model()).explain_class("zqzq")
    with pytest.raises(UsageError, match="expected a text that is not blank"):
        Scorer(model()).explain_class(" ")

"""`toolkit explain` and `score --reasons` with a model of classes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.classes.tickets import TOPICS, model, tickets, write
from tests.cli.running import Command
from toolkit.errors import UsageError
from toolkit.model import Scorer
from toolkit.model.explain import log_odds

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

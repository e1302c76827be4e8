"""Aspects: which sentences speak of them, what they say, and the lists of the package."""

from __future__ import annotations

import json
import pickle
import tomllib
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.running import Command
from tests.models import many_texts
from tests.native.both_ways import by_arrow
from tests.reference import sentences_of
from tests.scoring.kinds import WRITERS
from tests.scoring.test_resume import Stopped, stop_after
from tests.strategies import review_texts
from toolkit import Scorer
from toolkit.errors import UsageError
from toolkit.model import ASPECT_LISTS
from toolkit.model.aspects import LISTS, AspectFinder, Aspects
from toolkit.model.labels import ToneLimits, tone_of_aspects
from toolkit.model.sentences import SentenceRule
from toolkit.records import Columns, ReadOptions
from toolkit.records.columns import aspect_role
from toolkit.scoring import Progress, ScoringOptions, score_file
from toolkit.scoring.identity import settings_of
from toolkit.text import Vocabulary

WORDS = {"room": ["room", "bed*", "front desk"], "wifi": ["zzwifi*", "wi fi"], "host": ["waitress"]}
ROOM, WIFI, HOST = 1, 2, 4
PRAISE, BLAME, PLAIN = "A superb room, the best!", "The room was awful.", "I saw the room."


@cache
def scorer(by_sentence: bool = False, model: str = "reviews") -> Scorer:
    return Scorer(model, by_sentence=by_sentence, aspects=WORDS)


def test_what_is_said_of_an_aspect() -> None:
    reviews = [PRAISE, BLAME, f"{PRAISE} {BLAME}", PLAIN, "A superb hotel.", "", f"{BLAME} {PLAIN}"]
    found = [each.get("room") for each in scorer().aspects_of(reviews)]
    assert found == ["positive", "negative", "mixed", "neutral", None, None, "negative"]
    both = "The bed was superb, but the waitress was awful."
    assert scorer().aspects_of([both]) == [{"room": "positive", "host": "negative"}]


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("A BED, and a chair", ROOM),
        ("two <b>beds</b>", ROOM),
        ("a bedroom", ROOM),
        ("the embedded room's", 0),
        ("the front-desk", ROOM),
        ("the front&nbsp;desk", ROOM),
        ("in front. Desk", 0),
        ("the front and a desk", 0),
        ("ZZwifiX", WIFI),  # of which the model knows no word
        ("the zzwif", 0),
        ("the Wi-Fi", WIFI),
        ("our waitress", HOST),
        ("our waiter", 0),  # to the model, the same word
        ("a bed; zzwifi, our waitress", ROOM | WIFI | HOST),
    ],
)
@pytest.mark.parametrize("with_core", [True, False])
def test_which_words_are_found(text: str, bits: int, with_core: bool) -> None:
    assert np.bitwise_or.reduce(bits_of(text, scorer(), with_core), initial=0) == bits


@cache
def finder(scorer: Scorer, with_core: bool) -> tuple[Vocabulary, AspectFinder]:
    vocabulary = scorer.vocabulary if with_core else by_arrow(scorer.vocabulary)
    assert scorer.aspects is not None
    return vocabulary, AspectFinder(scorer.aspects, vocabulary)


def bits_of(text: str, scorer: Scorer, with_core: bool = True) -> list[int]:
    """Give the bits of each sentence."""
    vocabulary, found = finder(scorer, with_core)
    ids = vocabulary.encode(pa.array([text]), with_cuts=True)
    sentences = SentenceRule(vocabulary).sentences(ids, scorer.max_tokens).ids
    return [int(bits) for bits in found.find(ids, sentences)]


pieces = st.sampled_from(
    ["bed", "beds,", "rooms", "room.", "front", "desk", "desk!", "zzwifi2 ", "wi", "-fi", "waiter",
     "waitress;", " but ", "<br />", "&#39;room&#39;", "caf\u00e9", "it is good", " ", "\n"]
)  # fmt: skip


@settings(max_examples=50)
@given(
    st.lists(st.one_of(pieces, pieces.map(" {} ".format), review_texts), max_size=12).map("".join)
)
def test_sentences_speak_of_what_their_words_say(text: str) -> None:
    expected = [bits_of_words(sentence) for sentence in sentences_of(text, scorer().max_tokens)]
    assert bits_of(text, scorer()) == bits_of(text, scorer(), with_core=False) == expected


def bits_of_words(words: list[str]) -> int:
    found = 0
    for number, phrases in enumerate(WORDS.values()):
        for phrase in phrases:
            terms = phrase.split()
            starts = range(len(words) - len(terms) + 1)
            if any(all(map(is_term, words[at:], terms)) for at in starts):
                found |= 1 << number
    return found


def is_term(word: str, term: str) -> bool:
    return word.startswith(term[:-1]) if term.endswith("*") else word == term


def test_accents_and_apostrophes_do_not_matter() -> None:
    written = Scorer("reviews-small", aspects={"a": ["Caf\u00e9", "chef's"]})
    for text in ("CAF\u00c9", "cafe\u0301", "the chef\u2019s", "the chef&#39;s"):
        assert bits_of(text, written) == [1], text
    assert bits_of("the cafe of chefs", written) == [0]


def test_by_sentence_they_are_the_same_and_sentences_are_scored_once() -> None:
    texts = [*many_texts(60), PRAISE, BLAME, f"{PRAISE} {BLAME}"]
    alone, both = scorer(), scorer(by_sentence=True)
    assert both.aspects_of(texts) == alone.aspects_of(texts)
    plain = Scorer(by_sentence=True).predict(pa.array(texts))
    found = both.predict(pa.array(texts))
    assert all(found[name].equals(plain[name]) for name in plain.schema.names)
    network = both._word_predictor._network
    with mock.patch.object(network, "run_all", wraps=network.run_all) as run:
        both.predict(pa.array(texts))
    assert run.call_count == 2  # the reviews, and their sentences


def test_models_without_a_core_or_of_older_rules_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = many_texts(30)
    assert any(scorer(model="conv1d").aspects_of([PRAISE, BLAME]))
    with_core = scorer().predict(pa.array(texts))
    monkeypatch.setenv("TOOLKIT_NATIVE", "0")
    assert Scorer(aspects=WORDS).predict(pa.array(texts)).equals(with_core)


def test_a_batch_has_a_column_for_each() -> None:
    batch = pa.record_batch({"text": [PRAISE, "A good film.", None]})
    found = scorer().score_batch(batch)
    assert found["aspect_room"].to_pylist() == ["positive", None, None]
    assert found.schema.names[-3:] == ["aspect_room", "aspect_wifi", "aspect_host"]
    sent = pickle.loads(pickle.dumps(scorer()))
    assert sent.score_batch(batch).equals(found)
    with pytest.raises(UsageError, match="'aspect_room' already"):
        scorer().score_batch(found.select(["text", "aspect_room"]))


def test_explanations_say_what_sentences_speak_of() -> None:
    text = "The bed was superb, but the waitress was awful. We left."
    found = scorer(by_sentence=True).explain(text).as_dict()["sentences"]
    assert [sentence["aspects"] for sentence in found] == [("room",), ("host",), ()]
    assert "aspects" not in Scorer(by_sentence=True).explain(text).as_dict()["sentences"][0]


# The lists of the package, and those of users.


def test_the_lists_are_those_that_messages_name() -> None:
    assert tuple(tomllib.loads(LISTS.read_text(encoding="utf-8"))) == ASPECT_LISTS


@pytest.mark.parametrize("name", ASPECT_LISTS)
def test_each_list_can_be_used_and_says_nothing_twice(name: str) -> None:
    found = Aspects.of(name)
    AspectFinder(found, scorer().vocabulary)
    for aspect, words in found.words:
        assert len({*words}) == len(words), aspect
        shorter = {word.removesuffix("*") for word in words if word.endswith("*")}
        whole = [word for word in words if not word.endswith("*") and " " not in word]
        twice = [word for word in whole if any(word.startswith(start) for start in shorter)]
        assert not twice, (aspect, twice)


@pytest.mark.parametrize(
    ("given_aspects", "message"),
    [
        ("hotel", "no list 'hotel'. There are hotels, restaurants"),
        ({"room": "bed"}, "expected a list of words, received 'bed'"),
        ({"room": [1]}, r"expected a list of words, received \[1\]"),
        ({"room": []}, "has no words"),
        ({"a room": ["bed"]}, "expected a name of letters"),
        ({}, "expected 1 to 63, received 0"),
        ({f"a{n}": ["bed"] for n in range(64)}, "expected 1 to 63, received 64"),
        ({"room": ["bed", "*"]}, "'\\*' has no word"),
    ],
)
def test_what_is_no_list(given_aspects: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Scorer(aspects=given_aspects).aspects_of(["A bed."])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a = " + "[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ("a = " + "{a=" * 50_000, "nested too deeply"),
        (".".join(["a"] * 60_000) + " = 1", "nested too deeply"),
        ("a = ['" + "x" * (1 << 18) + "']", "is larger than 256 KiB, expected a TOML file"),
        ("a = [" + "'x'," * 10_001 + "]", "10,001 words and phrases with 10,001 characters, exp"),
        ("a = [", "cannot be read as TOML: .*Write one list of words for each: "),
        ("", 'expected 1 to 63, received 0. Write one list of words for each: room = ."room'),
        ("a = " + "9" * 5000, "cannot be read as TOML: a number of thousands of digits. Write "),
        ("a = 1979-05-27", "'a': expected a list of words, received 1979-05-27. Write room = "),
        ("a = true", "'a': expected a list of words, received True. Write room = "),
        (
            "Bed_room = ['x']\nbedroom = ['y']",
            "'bedroom': its column name is too similar to the column of",
        ),
    ],
    ids=[
        *("lists", "tables", "dots", "large", "many", "open"),
        *("empty", "huge number", "date", "truth", "case"),
    ],
)
def test_a_file_that_is_no_list(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "a.toml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=message) as error:
        Scorer(aspects=file)
    assert len(str(error.value)) < 400


def test_too_many_words_are_refused_before_they_are_looked_for() -> None:
    with pytest.raises(UsageError, match="2,000,000 words and phrases with 6,000,000 char"):
        Scorer(aspects={"a": ["bed"] * 2_000_000})


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a device without an end")
def test_a_device_is_no_list(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="/dev/zero: is not a file"):
        Scorer(aspects="/dev/zero")
    with pytest.raises(UsageError, match="is not a file"):
        Scorer(aspects=tmp_path)


def test_only_the_words_count_for_what_an_output_is_made_of(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    lines = (f"{name} = {json.dumps(words)}\n" for name, words in WORDS.items())
    file.write_text("".join(lines), encoding="utf-8")
    settings = [settings_of(Scorer(aspects=each), ScoringOptions()) for each in (file, WORDS)]
    assert settings[0] == settings[1]
    other = Scorer(aspects={**WORDS, "room": ["room"]})
    assert settings_of(other, ScoringOptions()) != settings[0]


# As the command line has them.


def test_a_file_has_a_column_for_each(command: Command) -> None:
    rows = [PRAISE, BLAME, "A good film.", ""]
    source = command.folder / "a.csv"
    source.write_text("text\n" + "".join(f'"{row}"\n' for row in rows), encoding="utf-8")
    options = ["--aspects", "hotels", "--aspect", "room=room", "--aspect", "film=film*,movie"]
    ran = command("score", source, "-o", "b.csv", "--report", "r.json", *options)
    assert ran.exit_code == 0, ran.err
    header, *lines = Path("b.csv").read_text(encoding="utf-8").splitlines()
    names = header.split(",")
    assert names[3] == "aspect_room"
    assert names[-1] == "aspect_film"
    assert [line.split(",")[-1] for line in lines] == ["", "", "positive", ""]
    report = json.loads(Path("r.json").read_text(encoding="utf-8"))
    expected = {"neutral": 0, "negative": 1, "positive": 1, "mixed": 0}
    assert report["aspects"]["room"] == report["files"][0]["aspects"]["room"] == expected
    table = [line.split() for line in ran.err.splitlines()]
    assert ["aspect", "positive", "negative", "mixed", "neutral"] in table
    assert ["room", "1", "1", "0", "0"] in table


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_columns_are_named(command: Command, ending: str) -> None:
    source = command.folder / "a.jsonl"
    source.write_text(json.dumps({"text": PRAISE, "aspect_room": 1}) + "\n", encoding="utf-8")
    options = ["--aspect", "room=room"]
    command("score", source, "-o", f"b.{ending}", *options).failed_with("a column 'aspect_room'", 2)
    ran = command("score", source, "-o", f"b.{ending}", *options, "--names", "aspect_room=tone")
    assert ran.exit_code == 0, ran.err
    assert command("score", f"b.{ending}", "-o", "c.jsonl").err.count("error") <= 1
    ran = command("score", source, "--names", "aspect_bed=x", "--force")
    ran.failed_with("--names: the column aspect_bed needs --aspects", 2)
    ran = command("score", source, *options, "--names", "aspect_bed=x", "--force")
    ran.failed_with("no such aspect, expected aspect_room", 2)


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_run_can_stop_after_any_block(ending: str, tmp_path: Path) -> None:
    adds = ("sentiment", "probability", *map(aspect_role, WORDS))
    reading = ReadOptions(Columns(adds=adds), block_bytes=2000)
    options = ScoringOptions(reading=reading, resume=True, workers=1, checkpoint_seconds=0)
    source, whole = tmp_path / "a.csv", tmp_path / f"whole{ending}"
    WRITERS[".csv"](source, [PRAISE, BLAME, *many_texts(20), PRAISE, BLAME, PRAISE])
    seen: list[Progress] = []
    summary = score_file(scorer(), source, whole, options, seen.append)
    assert summary.aspects["room"]["positive"] >= 3
    assert len(seen) > 3
    for block in range(1, len(seen) + 1):
        output = tmp_path / f"b{block}{ending}"
        with pytest.raises(Stopped):
            score_file(scorer(), source, output, options, stop_after(block))
        with pytest.raises(UsageError, match="the aspects"):
            score_file(Scorer(aspects={**WORDS, "room": ["sofa"]}), source, output, options)
        assert score_file(scorer(), source, output, options).aspects == summary.aspects
        assert output.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("given", [5, ["hotels"]])
def test_lists_of_another_type_are_refused(given: Any) -> None:
    with pytest.raises(UsageError, match="aspects: expected a name, a file, or words by name"):
        Scorer("reviews-small", aspects=given)


@pytest.mark.parametrize("given", [-1, 21, 1.5, "3", True])
def test_a_number_of_reasons_is_one(given: Any) -> None:
    with pytest.raises(UsageError, match="reasons: expected 0 to 20, received"):
        Scorer("reviews-small", reasons=given)


def test_an_aspect_has_the_mean_probability_of_its_sentences(command: Command) -> None:
    review = "The room was lovely. The staff were rude. The room had a superb bed."
    Path("a.csv").write_text(f'text\n"{review}"\nNothing else.\n""\n', encoding="utf-8")
    wanted = ("--aspects", "hotels", "--aspect-probability")
    assert command("score", "a.csv", "-o", "b.parquet", *wanted).exit_code == 0
    found = pq.read_table("b.parquet")
    scorer = Scorer()
    first, second, third = (p for _, p in scorer.score(review.replace(". ", ".|").split("|")))
    assert None not in (first, second, third)
    room = found["positive_probability_room"].to_pylist()
    assert room == [pytest.approx((first + third) / 2, abs=1e-6), None, None]  # type: ignore[operator]
    assert found["positive_probability_staff"].to_pylist() == [pytest.approx(second), None, None]
    assert found.schema.field("positive_probability_room").type == pa.float32()
    named = ("--names", "positive_probability_room=p", "--force")
    assert command("score", "a.csv", "-o", "b.parquet", *wanted, *named).exit_code == 0
    assert pq.read_table("b.parquet")["p"].to_pylist() == room
    command("score", "a.csv", "-o", "c.csv", "--aspect-probability").failed_with(
        "--aspect-probability: needs --aspects or --aspect.", 2
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I can't wait to return", set()),
        ("I can\u2019t wait to return", set()),
        ("We had to wait, and I can't wait to return", {"waiting"}),
        ("The wait staff", {"service"}),  # a phrase of the list, as long as the idiom
        ("The wait was long", {"waiting"}),
        ("Ready in no time, five minutes away", set()),
        ("Great deal of fun", set()),
    ],
)
@pytest.mark.parametrize("with_core", [True, False])
def test_idioms_are_not_mentions(text: str, expected: set[str], with_core: bool) -> None:
    own = restaurants()
    bits = np.bitwise_or.reduce(bits_of(text, own, with_core), initial=0)
    assert own.aspects is not None
    assert {name for at, name in enumerate(own.aspects.names) if int(bits) >> at & 1} == expected


@cache
def restaurants() -> Scorer:
    return Scorer("reviews-small", aspects="restaurants")


def test_a_list_may_have_an_idiom_itself() -> None:
    own = Scorer("reviews-small", aspects={"eager": ["can't wait"], "slow": ["wait"]})
    assert bits_of("I can't wait", own) == [1]
    assert bits_of("We wait", own) == [2]


def test_an_unclear_sentence_takes_the_side_of_its_review() -> None:
    chances = np.array([0.14, 0.2, 0.6, 0.35, 0.6, 0.7, 0.1], np.float32)
    of_reviews = np.array([0.9, 0.9, 0.9, 0.2, 0.2, 0.2, 0.9], np.float32)
    doubts = np.array([False, False, False, True, False, False, True])
    found = tone_of_aspects(chances, of_reviews, doubts=doubts, limits=ToneLimits())
    assert found.tolist() == [-1, 0, 1, -1, 0, 1, 0]


def test_a_story_in_praise_complains_of_nothing() -> None:
    own = Scorer("reviews-small", aspects="finance")
    told = "I was afraid they would deny my claim. They paid at once, wonderful people, thank you!"
    assert own.aspects_of([told])[0].get("claims") != "negative"


@pytest.mark.parametrize(
    ("name", "text", "aspect"),
    [
        ("hotels", "Anthony was very welcoming and helpful.", "staff"),
        ("apps", "I cannot open the app after the update.", "stability"),
        ("restaurants", "The paneer was too rubbery.", "food"),
        ("schools", "She rambles about other things.", "teaching"),
    ],
)
def test_lists_have_what_people_say(name: str, text: str, aspect: str) -> None:
    assert aspect in Scorer("reviews-small", aspects=name).aspects_of([text])[0]


@pytest.mark.parametrize(
    ("name", "text", "aspect"),
    [
        ("cars", "I went for a test drive.", "handling"),
        ("apps", "My bank account is with them.", "login"),
        ("products", "I wear it every day.", "durability"),
        ("airlines", "We left in the early morning.", "punctuality"),
        ("hotels", "There are many shops and restaurants around.", "food"),
    ],
)
def test_other_senses_are_no_mentions(name: str, text: str, aspect: str) -> None:
    assert aspect not in Scorer("reviews-small", aspects=name).aspects_of([text])[0]

"""What `toolkit serve` answers with each kind of model, and that its description says the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.classes.tickets import TOPICS, model
from tests.models import FILM, many_texts, shipped_scorer
from tests.service.test_service import JSON, MIXED, Service, started
from toolkit import Scorer
from toolkit.model.decimals import shortest

TEXTS = ["the parcel is late again", "my card was charged twice", "password parcel", "", None, "zq"]
HOTEL = "The room was lovely. But the staff were rude and the breakfast was terrible."
LEAST = 0.7


@pytest.fixture(scope="module")
def classes() -> Iterator[Service]:
    options = ("--min-probability", str(LEAST), "--other", "unclear")
    with started("--model", str(model()), *options) as service:
        yield service
        service.stop()


@pytest.fixture(scope="module")
def hotels() -> Iterator[Service]:
    with started("--aspects", "hotels", "--aspect", "spa=spa,sauna*") as service:
        yield service
        service.stop()


def test_each_text_has_its_class(classes: Service) -> None:
    expected = Scorer(model(), min_probability=LEAST, other="unclear").classify(TEXTS)
    found = classes.rows(TEXTS)
    assert [row["label"] for row in found] == [each.label for each in expected]
    assert {"delivery", "unclear", None} <= {row["label"] for row in found}
    assert [row["probability"] for row in found] == [
        each.probability and shortest(each.probability) for each in expected
    ]
    assert all([*row] == ["label", "probability"] for row in found)


def test_classes_on_request(classes: Service) -> None:
    """The most likely first, and all of them by name."""
    expected = Scorer(model()).class_probabilities(TEXTS)
    found = classes.rows(TEXTS, top=2, probabilities=True)
    for row, shares in zip(found, expected, strict=True):
        if shares is None:
            assert {*row.values()} == {None}
            continue
        pairs = [(label, shortest(share)) for label, share in shares.items()]
        assert [*row["probabilities"].items()] == pairs
        assert [(each["label"], each["probability"]) for each in row["top"]] == pairs[:2]
        assert row["probability"] == pairs[0][1]
    assert [len(row["top"] or ()) for row in classes.rows(TEXTS, top=4)] == [4, 4, 4, 0, 0, 0]


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({"top": 5}, "top: expected 0 to 4, the number of classes, received 5"),
        ({"top": -1}, '"top": expected a whole number from 0 on: -1'),
        ({"top": True}, '"top": expected a whole number from 0 on: true'),
        ({"top": 1.0}, '"top": expected a whole number from 0 on: 1.0'),
        ({"top": float("nan")}, '"top": expected a whole number from 0 on: NaN'),
        ({"probabilities": 1}, '"probabilities": expected true or false: 1'),
        ({"stars": True}, '"stars": unknown key, expected texts, top, probabilities'),
    ],
)
def test_what_a_model_of_classes_refuses(classes: Service, wanted: Any, error: str) -> None:
    body = json.dumps({"texts": TEXTS, **wanted}).encode()
    assert classes.ask(body) == (422, {"error": error})


def test_a_model_of_classes_explains_as_the_command(classes: Service) -> None:
    body = json.dumps({"texts": ["my parcel is late", "", "zq"]}).encode()
    status, answer = classes.ask(body, path="/explain")
    assert status == 200
    first, *others = answer["explanations"]
    scorer = Scorer(model())
    expected = scorer.explain_class("my parcel is late").as_dict()
    assert first == json.loads(json.dumps(expected))
    assert others == [None, None]
    body = json.dumps({"texts": ["my parcel is late"], "class": "APP"}).encode()
    (other,) = classes.ask(body, path="/explain")[1]["explanations"]
    assert (other["label"], other["explained"]) == ("delivery", "app")
    expected = scorer.explain_class("my parcel is late", "app").as_dict()
    assert other == json.loads(json.dumps(expected))


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({"class": "apps"}, "class: 'apps' is not a class of the model, did you mean 'app'?"),
        ({"class": 1}, '"class": expected a string: 1'),
        ({"by_sentence": True}, '"by_sentence": unknown key, expected texts, class'),
    ],
)
def test_explanations_that_a_model_of_classes_refuses(
    classes: Service, wanted: Any, error: str
) -> None:
    body = json.dumps({"texts": TEXTS, **wanted}).encode()
    status, answer = classes.ask(body, path="/explain")
    assert status == 422
    assert answer["error"].startswith(error)


def test_classes_are_counted(classes: Service) -> None:
    lines = [f'toolkit_texts_total{{label="{label}"}}' for label in ("delivery", "unclear", "")]
    before = [classes.metric(line) for line in lines]
    counted = [row["label"] for row in classes.rows(TEXTS)]
    expected = [counted.count(label) for label in ("delivery", "unclear", None)]
    assert [classes.metric(line) for line in lines] == [
        count + more for count, more in zip(before, expected, strict=True)
    ]


def test_aspects_and_reasons(hotels: Service) -> None:
    texts = [*many_texts(30), HOTEL, FILM, "", None]
    scorer = Scorer(aspects="hotels", reasons=3)
    found = hotels.rows(texts, aspects=True, reasons=3)
    scores = scorer.score(texts)
    has_score = [each.sentiment is not None for each in scores]
    assert [row["sentiment"] for row in found] == [each.sentiment for each in scores]
    for name, expected in (
        ("aspects", scorer.aspects_of(texts)),
        ("reasons", scorer.reasons(texts)),
    ):
        assert [row[name] for row in found] == [
            each if known else None for each, known in zip(expected, has_score, strict=True)
        ]
    assert found[30]["aspects"]["staff"] == "negative"
    fewer = hotels.rows(texts, reasons=1)
    assert [row["reasons"] for row in fewer] == [
        row["reasons"] and row["reasons"][:1] for row in found
    ]
    assert hotels.rows(["A fine sauna."], aspects=True)[0]["aspects"]["spa"] == "positive"


def test_limits_of_reasons(hotels: Service) -> None:
    long = "a fine but dull film " * 150  # 512 of its words are read
    assert len(hotels.rows([long] * 32, reasons=2)) == 32
    body = json.dumps({"texts": [long] * 33, "reasons": 2}).encode()
    status, answer = hotels.ask(body)
    assert status == 413
    assert answer["error"].startswith("expected at most 16,384 words")
    assert hotels.ask(b'{"texts": [], "reasons": 21}')[0] == 422
    assert len(hotels.rows([long] * 33, aspects=True)) == 33


def test_a_service_without_aspects_says_how_to_get_them() -> None:
    from toolkit.errors import UsageError
    from toolkit.service.batches import Batches
    from toolkit.service.rows import Wanted

    batches = Batches(shipped_scorer(), None, 1, lambda: None)
    with pytest.raises(UsageError, match="aspects: start the service with --aspects"):
        batches.check(Wanted(aspects=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--other", "unclear"), "--other: needs --min-probability"),
        (("--threshold", "0.5"), "--threshold: only for models of negative and positive"),
        (
            ("--neutral-range", "0.4:0.6"),
            "--neutral-range: only for models of negative and positive",
        ),
        (("--aspects", "hotels"), "--aspects: only for models of negative and positive"),
    ],
)
def test_options_for_models_of_sentiment(
    command: Any, options: tuple[str, ...], message: str
) -> None:
    command("serve", "--model", model(), *options).failed_with(message, 2)


def test_options_for_models_of_classes(command: Any) -> None:
    ran = command("serve", "--min-probability", "0.5")
    ran.failed_with("--min-probability: only for models of classes", 2)


def check_description(
    service: Service, wanted: dict[str, Any], texts: list[Any]
) -> tuple[Any, Any]:
    """Compare real answers with the description; return it, and the labels of a text.

    All keys that a request may have are asked for, and all keys of an answer are described.
    """
    spec = pytest.importorskip("openapi_spec_validator", reason="needs the extra dev")
    schemas = pytest.importorskip("openapi_schema_validator", reason="needs the extra dev")
    _, described = service.ask(path="/openapi.json", method="GET")
    spec.validate(described, cls=spec.OpenAPIV30SpecValidator)
    parts = described["components"]["schemas"]

    def check(content: Any, schema: Any) -> None:
        schemas.OAS30Validator({**described, **schema}).validate(content)

    def name_of(schema: Any) -> str:
        return str(schema["$ref"]).rpartition("/")[2]

    post = described["paths"]["/score"]["post"]
    asked = post["requestBody"]["content"]["application/json"]["schema"]
    assert {*parts[name_of(asked)]["properties"]} == {"texts", *wanted}
    check({"texts": texts, **wanted}, asked)
    answered = post["responses"]["200"]["content"]["application/json"]["schema"]
    row_schema = parts[name_of(answered)]["properties"]["scores"]["items"]
    for options in (wanted, {}):
        status, found = service.ask(json.dumps({"texts": texts, **options}).encode())
        assert status == 200, found
        check(found, answered)
    keys = {*parts[name_of(row_schema)]["properties"]}
    rows = service.rows(texts, **wanted)
    assert all({*row} == keys for row in rows)
    _, health = service.ask(path="/healthz", method="GET")
    check(health, {"$ref": "#/components/schemas/Health"})
    assert {*health} == {*parts["Health"]["properties"]}
    assert {*health["model"]} <= {*parts["Model"]["properties"]}
    label = "label" if "label" in keys else "sentiment"
    labels = parts[name_of(row_schema)]["properties"][label]["enum"]
    return described, labels


def test_the_description_of_classes(classes: Service) -> None:
    wanted = {"top": 2, "probabilities": True}
    described, labels = check_description(classes, wanted, TEXTS)
    assert labels == [*TOPICS, "unclear", None]
    parts = described["components"]["schemas"]
    assert "Explanation" not in parts
    status, answer = classes.ask(b'{"texts": ["parcel is late", ""]}', path="/explain")
    assert status == 200
    assert {*answer["explanations"][0]} == {*parts["ClassExplanation"]["properties"]}
    assert parts["ClassExplanation"]["properties"]["explained"]["enum"] == [*TOPICS]
    assert {*parts["ClassExplainRequest"]["properties"]} == {"texts", "class"}
    assert not {"x-score-of-classes", "x-explain-of-classes"} & {*described}


def test_the_description_of_sentiment(hotels: Service) -> None:
    wanted = {"stars": True, "neutral": True, "by_sentence": True, "aspects": True, "reasons": 3}
    described, labels = check_description(hotels, wanted, [HOTEL, FILM, MIXED, "", None])
    assert labels == ["negative", "positive", "neutral", "mixed", None]
    assert "ClassScore" not in described["components"]["schemas"]
    assert "/explain" in described["paths"]


def test_the_description_of_a_small_model() -> None:
    """It has no stars and no neutral range: no request may ask for them."""
    with started("--model", "conv1d") as service:
        wanted = {"by_sentence": True, "reasons": 3}
        check_description(service, wanted, [FILM, MIXED, ""])
        service.stop()


@pytest.mark.parametrize("labels", ["SENTIMENT", "STARS", "EMOTIONS"])
def test_the_description_of_a_classifier_folder(tmp_path: Path, labels: str) -> None:
    making = pytest.importorskip("tests.folders.making", reason="needs the extra transformers")
    making.Folder(labels=getattr(making, labels)).write(tmp_path / "mine")
    wanted_of: dict[str, dict[str, Any]] = {
        "SENTIMENT": {},
        "STARS": {"stars": True},
        "EMOTIONS": {"top": 2, "probabilities": True},
    }
    wanted = wanted_of[labels]
    with started("--model", str(tmp_path / "mine")) as service:
        described, _ = check_description(service, wanted, [*making.SENTENCES[:3], "", None])
        assert "/explain" not in described["paths"]
        service.stop()


async def answer_of(app: Any, body: bytes) -> tuple[int, bytes]:
    """Return the answer of an application in this process to a request for scores."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(name.lower().encode(), value.encode()) for name, value in JSON.items()]
    scope = {"type": "http", "method": "POST", "path": "/score"}
    await app({**scope, "headers": [*headers, (b"host", b"localhost")]}, receive, send)
    return sent[0]["status"], sent[1]["body"]


def test_probabilities_of_many_classes_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand texts with a thousand classes each would be an answer of 50 MB."""
    from toolkit.service import Limits, app

    monkeypatch.setattr(app, "MOST_PROBABILITIES", 12)
    service = app.Service(Scorer(model()), None, Limits(), 1, lambda _: None)
    for wanted in ("top", "probabilities"):
        value = 1 if wanted == "top" else True
        for count, status in ((3, 200), (4, 413)):
            body = json.dumps({"texts": ["parcel"] * count, wanted: value}).encode()
            found, content = asyncio.run(answer_of(service, body))
            assert found == status, content
        assert b"expected at most 3 texts with top or probabilities, received 4" in content
    assert asyncio.run(answer_of(service, b'{"texts": ["a", "b", "c", "d", "e"]}'))[0] == 200


def test_nan_is_never_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that is not finite is an error of the service, as JSON has no word for it."""
    from toolkit.service import Limits, app, batches

    told: list[Exception] = []
    service = app.Service(shipped_scorer(), None, Limits(), 1, told.append)
    row = {"sentiment": "positive", "probability": float("nan")}
    monkeypatch.setattr(batches, "rows_of", lambda **_: [row])
    status, content = asyncio.run(answer_of(service, b'{"texts": ["a"]}'))
    assert (status, b"NaN" in content, len(told)) == (500, False, 1)

"""Compare classifier folders with the pipeline of transformers, on small random models.

Install PyTorch, transformers, onnxscript and tokenizers beside the toolkit. Then, with a file of
texts (a JSON list, or none for texts made here)::

    python -m examples.benchmarks.pipeline_parity --texts texts.json

Each model is made, saved and exported here, in a temporary folder. Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from toolkit.model.folder import ClassifierFolder
from toolkit.model.opened import open_model

LENGTH = 128
_TOLERANCE = 1e-5
_TEXTS = 2000
_WORDS = """
    the film was good bad dull never always staff room phone cable it is not I would buy again
    superb waste of time and money friendly cold broken late cheap works as described!
""".split()  # noqa: SIM905 (a list would take a line for each word)
_ODD = (
    *("", "   ", "\n", "!!!", "...", "\U0001f600", "\U0001f44d\U0001f3fd good", "\ufb01ne"),
    *("\u200b", "\ufeffgood", "a" * 5000, "good " * 3000, "e\u0301", "\u4e2d\u6587", "a\x00b"),
)
_SENTIMENT = ("NEGATIVE", "POSITIVE")
_STARS = ("1 star", "2 stars", "3 stars", "4 stars", "5 stars")
_EMOTIONS = ("anger", "joy", "fear", "surprise", "sadness", "neutral")


class Kind(NamedTuple):
    """A type of network, with its tokenizer and labels."""

    name: str
    tokenizer: Callable[[list[str]], tuple[Any, dict[str, str]]]
    labels: tuple[str, ...]
    config: dict[str, Any]
    has_segments: bool = False  # the input `token_type_ids`
    problem: str | None = None


def _wordpiece(texts: list[str]) -> tuple[Any, dict[str, str]]:
    names = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    return _made_of_pieces(texts, names), _roles(names, first="[CLS]", last="[SEP]")


def _mpnet(texts: list[str]) -> tuple[Any, dict[str, str]]:
    names = ("<s>", "<pad>", "</s>", "[UNK]", "<mask>")
    roles = _roles(("<pad>", "[UNK]", "", "", "<mask>"), first="<s>", last="</s>")
    return _made_of_pieces(texts, names), roles


def _roles(names: tuple[str, ...], first: str, last: str) -> dict[str, str]:
    found = {"pad_token": names[0], "unk_token": names[1], "mask_token": names[-1]}
    return {**found, "cls_token": first, "sep_token": last}


def _ended(made: Any, first: str, last: str) -> Any:
    from tokenizers import processors

    made.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}",
        special_tokens=[(name, made.token_to_id(name)) for name in (first, last)],
    )
    return made


def _made_of_pieces(texts: list[str], names: tuple[str, ...]) -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=2000, special_tokens=[*names])
    )
    ends = ("[CLS]", "[SEP]") if "[CLS]" in names else ("<s>", "</s>")
    return _ended(made, *ends)


def _bytes(texts: list[str]) -> tuple[Any, dict[str, str]]:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=2000,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    made.train_from_iterator(texts, trainer)
    roles = _roles(("<pad>", "<unk>", "", "", "<mask>"), first="<s>", last="</s>")
    return _ended(made, "<s>", "</s>"), roles


def _unigram(texts: list[str], first: str = "<s>", last: str = "</s>") -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    padding = "[PAD]" if first == "[CLS]" else "<pad>"
    order = (padding, first, last) if first == "[CLS]" else (first, padding, last)
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=2000, special_tokens=[*order, "<unk>", "<mask>"], unk_token="<unk>"
    )
    made.train_from_iterator(texts, trainer)
    roles = _roles((padding, "<unk>", "", "", "<mask>"), first=first, last=last)
    return _ended(made, first, last), roles


def _deberta(texts: list[str]) -> tuple[Any, dict[str, str]]:
    found: tuple[Any, dict[str, str]] = _unigram(texts, "[CLS]", "[SEP]")
    return found


_SMALL = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "max_position_embeddings": LENGTH,
}
_OFFSET = {**_SMALL, "max_position_embeddings": LENGTH + 2, "pad_token_id": 1}
_DISTIL = {"dim": 64, "n_layers": 2, "n_heads": 4, "hidden_dim": 128}
_DEBERTA = {
    "relative_attention": True,
    "position_buckets": 32,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_biased_input": False,
    "type_vocab_size": 0,
}
_ENDS = {"bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}
_THREE = ("negative", "neutral", "positive")
_MULTI = "multi_label_classification"
KINDS = (
    Kind("bert", _wordpiece, _SENTIMENT, _SMALL, has_segments=True),
    Kind("distilbert", _wordpiece, _SENTIMENT, {**_DISTIL, "max_position_embeddings": LENGTH}),
    Kind("roberta", _bytes, _THREE, _OFFSET),
    Kind("mpnet", _mpnet, _SENTIMENT, _OFFSET),
    Kind("deberta-v2", _deberta, _EMOTIONS, _SMALL | _DEBERTA),
    Kind("xlm-roberta", _unigram, _STARS, _OFFSET),
    Kind("albert", _wordpiece, _EMOTIONS, _SMALL, has_segments=True, problem=_MULTI),
    Kind("electra", _wordpiece, _SENTIMENT, _SMALL, has_segments=True),
    Kind("camembert", _unigram, _STARS, _OFFSET),
    Kind("modernbert", _wordpiece, _EMOTIONS, _SMALL | _ENDS | {"pad_token_id": 0}),
)


def make(kind: Kind, folder: Path, texts: list[str]) -> None:
    """Write a random model of one type, as transformers saves it, and its ONNX file."""
    import torch
    from transformers import (
        AutoConfig,
        AutoModelForSequenceClassification,
        PreTrainedTokenizerFast,
    )

    tokenizer, roles = kind.tokenizer(texts)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=LENGTH, **roles)
    keys = ["input_ids", "attention_mask", *(["token_type_ids"] if kind.has_segments else [])]
    fast.model_input_names = keys
    fast.save_pretrained(folder)
    torch.manual_seed(1)
    config = AutoConfig.for_model(
        kind.name,
        **kind.config,
        vocab_size=tokenizer.get_vocab_size(),
        id2label=dict(enumerate(kind.labels)),
        label2id={name: number for number, name in enumerate(kind.labels)},
        problem_type=kind.problem,
        initializer_range=0.15,
    )
    config._attn_implementation = "eager"
    model = AutoModelForSequenceClassification.from_config(config).eval()
    model.save_pretrained(folder)

    class Logits(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *given: Any) -> Any:
            return self.model(**dict(zip(keys, given, strict=True))).logits

    given = torch.ones((2, 5), dtype=torch.int64)
    values = {"input_ids": given, "attention_mask": given, "token_type_ids": 0 * given}
    torch.onnx.export(
        Logits(),
        tuple(values[key] for key in keys),
        folder / "model.onnx",
        input_names=keys,
        output_names=["logits"],
        dynamic_axes={key: {0: "batch", 1: "sequence"} for key in keys} | {"logits": {0: "batch"}},
        dynamo=False,
        opset_version=17,
    )


def compare(folder: Path, texts: list[str]) -> tuple[float, int]:
    """Return the largest difference of a probability, and the number of other labels."""
    from transformers import pipeline

    run = pipeline(
        "text-classification",
        model=str(folder),
        tokenizer=str(folder),
        top_k=None,
        device="cpu",
        truncation=True,
        max_length=LENGTH,
    )
    model = open_model(folder)
    assert isinstance(model, ClassifierFolder)
    model.check()
    found = model.network.run(model.pieces.encode(texts))
    answers = [{each["label"]: each["score"] for each in run(text)[0]} for text in texts]
    expected = np.array([[answer[name] for name in model.labels.names] for answer in answers])
    flips = int((found.argmax(axis=1) != expected.argmax(axis=1)).sum())
    return float(np.abs(found - expected).max()), flips


def _texts(given: Path | None) -> list[str]:
    if given is not None:
        found: list[str] = json.loads(given.read_text(encoding="utf-8"))
        return found
    chosen = random.Random(1)
    some = [" ".join(chosen.choices(_WORDS, k=chosen.randint(1, 60))) for _ in range(_TEXTS)]
    return [*_ODD, *some[len(_ODD) :]]


def main() -> None:
    """Compare all types, print a line for each, and fail if one differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--only", nargs="*", default=[kind.name for kind in KINDS])
    asked = parser.parse_args()
    texts = _texts(asked.texts)
    wrong = []
    for kind in KINDS:
        if kind.name not in asked.only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            make(kind, Path(folder), [text for text in texts if text.strip()][:2000])
            difference, flips = compare(Path(folder), texts)
        print(
            f"{kind.name}: {len(texts):,} texts, largest difference {difference:.1e}, {flips} flips"
        )
        if difference > _TOLERANCE or flips:
            wrong.append(kind.name)
    if wrong:
        raise SystemExit(f"differ: {', '.join(wrong)}")


if __name__ == "__main__":
    main()

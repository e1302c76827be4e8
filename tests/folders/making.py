"""Small classifier folders, as Hugging Face repositories have them: a network, a tokenizer, labels.

The networks are a layer of attention with random weights. Nothing is downloaded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

pytest.importorskip("tokenizers", reason="needs the extra transformers")

from tokenizers import (
    Tokenizer,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

SENTENCES = [
    "A fine film, superbly acted, and never too long.",
    "Dull from the first minute to the last; a waste of time and money.",
    "The staff were friendly, the room was small and the breakfast was cold.",
    "I would buy this again: it works as described, and it was cheap.",
    "It broke after two days, and nobody answered my letters.",
    "Not bad at all, although the ending is predictable.",
] * 3
SENTIMENT = ("NEGATIVE", "POSITIVE")
STARS = ("1 star", "2 stars", "3 stars", "4 stars", "5 stars")
EMOTIONS = ("anger", "joy", "fear")

MOST_TOKENS = 24
_WIDTH = 16
_SIZE = 300  # ids

Weights = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Folder:
    """What a classifier folder is made of."""

    kind: str = "bert"
    labels: tuple[str, ...] = SENTIMENT
    problem: str | None = None
    inputs: tuple[str, ...] = ("input_ids", "attention_mask", "token_type_ids")
    nodes: tuple[onnx.NodeProto, ...] = ()  # between `scores` and `logits`; none: the same
    weights: Weights = field(default_factory=dict)  # for them
    config: dict[str, Any] = field(default_factory=dict)  # entries of `config.json` that differ
    tokenizer_config: dict[str, Any] = field(default_factory=dict)

    def write(self, path: Path, network: str = "model.onnx") -> Path:
        """Write the folder, and return its path."""
        (path / network).parent.mkdir(parents=True, exist_ok=True)
        tokenizer = TOKENIZERS[self.kind]()
        tokenizer.save(str(path / "tokenizer.json"))
        onnx.save(self.network(), path / network)
        config = {
            "model_type": self.kind,
            "id2label": dict(enumerate(self.labels)),
            "problem_type": self.problem,
            "vocab_size": _SIZE,
            "max_position_embeddings": MOST_TOKENS + _FIRST_POSITION[self.kind],
            "pad_token_id": _PADDING[self.kind],
            "transformers_version": "5.0.0",
            **self.config,
        }
        (path / "config.json").write_text(json.dumps(config), encoding="utf-8")
        settings = {"model_max_length": 10**30, **self.tokenizer_config}
        (path / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
        return path

    def network(self) -> onnx.ModelProto:
        """Make the graph, from ids to `logits`."""
        rng = np.random.default_rng(len(self.kind))
        shapes = {
            "pieces": (_SIZE, _WIDTH),
            "positions": (MOST_TOKENS, _WIDTH),
            "segments": (2, _WIDTH),
            **dict.fromkeys(("query", "key", "value"), (_WIDTH, _WIDTH)),
            "answer": (_WIDTH, len(self.labels)),
        }
        weights: Weights = {
            name: rng.normal(0, 0.4, shape).astype(np.float32) for name, shape in shapes.items()
        }
        weights |= {"zero": np.array(0, np.int64), "one": np.array(1, np.int64)}
        nodes = [
            helper.make_node("Shape", ["input_ids"], ["shape"]),
            helper.make_node("Gather", ["shape", "one"], ["length"]),
            helper.make_node("Range", ["zero", "length", "one"], ["places"]),
            helper.make_node("Gather", ["positions", "places"], ["placed"]),
            helper.make_node("Gather", ["pieces", "input_ids"], ["looked_up"]),
            helper.make_node("Add", ["looked_up", "placed"], ["begun"]),
        ]
        begun = "begun"
        if "token_type_ids" in self.inputs:
            nodes.append(helper.make_node("Gather", ["segments", "token_type_ids"], ["segmented"]))
            nodes.append(helper.make_node("Add", [begun, "segmented"], ["summed"]))
            begun = "summed"
        nodes += [
            helper.make_node("MatMul", [begun, name], [f"{name}s"])
            for name in ("query", "key", "value")
        ]
        nodes += [
            helper.make_node("Transpose", ["keys"], ["turned"], perm=[0, 2, 1]),
            helper.make_node("MatMul", ["querys", "turned"], ["weighed"]),
            helper.make_node("Softmax", ["weighed"], ["attention"], axis=-1),
            helper.make_node("MatMul", ["attention", "values"], ["attended"]),
            helper.make_node("Tanh", ["attended"], ["bounded"]),
            helper.make_node("Gather", ["bounded", "zero"], ["pooled"], axis=1),
            helper.make_node("MatMul", ["pooled", "answer"], ["scores"]),
            *(self.nodes or [helper.make_node("Identity", ["scores"], ["logits"])]),
        ]
        if "attention_mask" in self.inputs:
            nodes.append(helper.make_node("Identity", ["attention_mask"], ["unused"]))
        graph = helper.make_graph(
            nodes,
            "classifier",
            [
                helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
                for name in self.inputs
            ],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", None])],
            [
                numpy_helper.from_array(each, name)
                for name, each in (weights | self.weights).items()
            ],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 8
        return model

    def but(self, **changes: Any) -> Folder:
        """Return the same folder with other parts."""
        return replace(self, **changes)


def _wordpiece(names: tuple[str, ...] = ("[CLS]", "[PAD]", "[SEP]", "[UNK]")) -> Tokenizer:
    first, _, last, unknown = names
    made = Tokenizer(models.WordPiece(unk_token=unknown))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=_SIZE, special_tokens=[*names])
    made.train_from_iterator(SENTENCES, trainer)
    return _ended(made, first, last)


def _mpnet() -> Tokenizer:
    return _wordpiece(("<s>", "<pad>", "</s>", "[UNK]"))


def _bytes() -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=_SIZE,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(SENTENCES, trainer)
    return _ended(made, "<s>", "</s>")


def _unigram() -> Tokenizer:
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=150,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        unk_token="<unk>",
        show_progress=False,
    )
    made.train_from_iterator(SENTENCES, trainer)
    return _ended(made, "<s>", "</s>")


def _ended(made: Tokenizer, first: str, last: str) -> Tokenizer:
    """Let a tokenizer add the tokens at both ends of a text; files often pad and cut, too."""
    ends = [(name, made.token_to_id(name)) for name in (first, last)]
    made.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}", special_tokens=ends
    )
    made.enable_padding(length=MOST_TOKENS)
    made.enable_truncation(5)
    return made


TOKENIZERS = {
    "bert": _wordpiece,
    "distilbert": _wordpiece,
    "roberta": _bytes,
    "mpnet": _mpnet,
    "xlm-roberta": _unigram,
}
_FIRST_POSITION = {"bert": 0, "distilbert": 0, "roberta": 2, "mpnet": 2, "xlm-roberta": 2}
_PADDING = {"bert": 1, "distilbert": 1, "roberta": 1, "mpnet": 1, "xlm-roberta": 1}
PLAIN = ("input_ids", "attention_mask")
KINDS = (
    Folder(),
    Folder("distilbert", inputs=PLAIN),
    Folder("roberta", EMOTIONS, inputs=PLAIN),
    Folder("mpnet", inputs=PLAIN),
    Folder("xlm-roberta", STARS, inputs=PLAIN),
)

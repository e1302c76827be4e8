"""Second step: logits of the MiniLM that was fine-tuned on one fold, for what it has not seen.

python -m examples.teacher.reviews.label A

That is the other fold and its spans. What is held out is labelled by both models. Each part is a
file of its own, the most useful one first.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.torch import load_file

from examples.teacher import steps
from examples.teacher.int8 import quantised
from examples.teacher.labelling import Logits, label
from examples.teacher.minilm import MiniLM
from examples.teacher.reviews.finetune import LAST_CUT
from examples.teacher.reviews.reviews import PARTS, Reviews, load
from examples.teacher.reviews.spans import SPANS
from examples.teacher.word_pieces import Rows, WordPieces
from exported.data import HALVES, HELD_OUT
from toolkit.errors import InputError
from toolkit.training import fingerprint

SHORT = 64  # pieces


def rows_of(part: str, reviews: Reviews, lengths: Rows, fold: str) -> Rows:
    """The reviews of a part: of a fold, and those that are held out."""
    is_labelled, is_short = reviews.labels >= 0, lengths <= SHORT
    is_of_part = {
        "short": is_labelled & is_short,
        "long": is_labelled & ~is_short,
        "others": ~is_labelled,
    }[part]
    is_unseen = (reviews.folds == fold) | (reviews.folds == HELD_OUT)
    return np.flatnonzero(is_of_part & is_unseen & (lengths > 0))


def spans_of(path: Path) -> tuple[pa.ChunkedArray, npt.NDArray[np.str_]]:
    """The spans and their folds."""
    if not path.is_file():
        raise InputError(f"{path}: not there yet. Run reviews.spans first, or choose --parts.")
    table = pq.read_table(path)
    return table["text"], np.array(table["fold"].to_pylist())


def table_of(texts: pa.ChunkedArray, logits: Logits, folds: npt.NDArray[np.str_]) -> pa.Table:
    """What a part consists of."""
    names = [fingerprint(text) for text in texts.to_pylist()]
    return pa.table({"text_sha256": names, "logit": logits, "fold": folds.tolist()})


def main() -> None:
    parser = steps.options(__doc__)
    parser.add_argument("fold", choices=tuple(HALVES), help="the one that the model was tuned on")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    chosen = parser.parse_args()
    path = chosen.work / f"reviews-{chosen.fold}.safetensors"
    if not path.is_file():
        raise InputError(f"{path}: not there yet. Run reviews.finetune {chosen.fold} first.")
    model = MiniLM()
    model.load_state_dict({name: one.float() for name, one in load_file(str(path)).items()})
    network = quantised(model, path.with_suffix(".onnx"))
    other = HALVES.replace(chosen.fold, "")
    reviews = load(chosen.data, only_open=chosen.open)
    pieces = WordPieces.of(reviews.texts.to_pylist())
    for part in chosen.parts:
        if part == "spans":
            texts, folds = spans_of(chosen.work / SPANS)
            cut = WordPieces.of(texts.to_pylist())
            rows = np.flatnonzero((folds == other) & (cut.lengths > 0))
        else:
            texts, folds, cut = reviews.texts, reviews.folds, pieces
            rows = rows_of(part, reviews, pieces.lengths, other)
        logits = label(network, cut, rows, LAST_CUT, part)
        found = table_of(texts.take(pa.array(rows)), logits, folds[rows])
        target = chosen.work / f"reviews-{chosen.fold}-{part}.parquet"
        pq.write_table(found, target, compression="zstd")
        print(f"{len(found):,} texts, written to {target}", flush=True)


if __name__ == "__main__":
    steps.run(main)

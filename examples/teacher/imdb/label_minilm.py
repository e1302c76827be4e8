"""Second view, second step: logits of the MiniLM that was fine-tuned on one half.

python examples/teacher/imdb/label_minilm.py A

It labels the other half, the unlabelled reviews, and the spans where `spans.py` has made them.
"""

import time

import numpy as np
import reviews as imdb
import spans
import torch
from minilm import MiniLM
from reviews import Floats, Rows
from safetensors.torch import load_file
from views import View, judgement
from word_pieces import Cut, WordPieces

from toolkit.errors import InputError

CUT: Cut = (80, 174)
SPAN_CUT: Cut = (40, 50)
_PIECES_AT_ONCE = 2400  # what stays in the cache: 1.4 times as quick as 5,000
_TEXTS_AT_ONCE = 2500  # sorted by length together
_SEED = 3


def label(model: MiniLM, pieces: WordPieces, rows: Rows, name: str, cut: Cut = CUT) -> Floats:
    """Logits of some texts, (rows,) float32."""
    logits = np.zeros(len(rows), np.float32)
    order = np.random.default_rng(_SEED).permutation(len(rows))
    start = time.monotonic()
    for first in range(0, len(order), _TEXTS_AT_ONCE):
        block = order[first : first + _TEXTS_AT_ONCE]
        logits[block] = _label_block(model, pieces, rows[block], cut)
        done = first + len(block)
        print(f"{name}: {done:,} of {len(rows):,}, {time.monotonic() - start:.0f} s", flush=True)
    return logits


def _label_block(model: MiniLM, pieces: WordPieces, rows: Rows, cut: Cut) -> Floats:
    """From the shortest to the longest, each batch with about equally many pieces."""
    lengths = np.minimum(pieces.lengths[rows], sum(cut))
    order = np.argsort(lengths, kind="stable")
    logits, first = np.zeros(len(rows), np.float32), 0
    with torch.inference_mode():
        while first < len(order):
            count = max(1, _PIECES_AT_ONCE // int(lengths[order[first]] + 2))
            batch = order[first : first + count]
            logits[batch] = model(*pieces.batch(rows[batch], cut))[0].numpy()
            first += count
    return logits


def main() -> None:
    parser = imdb.options(__doc__)
    parser.add_argument("half", choices=("A", "B"), help="the one that the model was tuned on")
    chosen = parser.parse_args()
    reviews = imdb.load(chosen.data)
    path = chosen.work / f"minilm-{chosen.half}.safetensors"
    if not path.is_file():
        raise InputError(f"{path}: not there yet. Run finetune_minilm.py {chosen.half} first.")
    model = MiniLM().bfloat16()
    model.load_state_dict(load_file(str(path)))
    model.eval()

    count = len(reviews.labels)
    pieces = WordPieces.of(reviews.texts.to_pylist())
    others = reviews.half("B" if chosen.half == "A" else "A")
    labelled = np.full(count, np.nan, np.float32)
    labelled[others] = label(model, pieces, others, "labelled reviews")
    unlabelled = label(model, pieces, np.arange(count, len(reviews)), "unlabelled reviews")
    short = WordPieces.of(spans.load(chosen.work))
    of_spans = label(model, short, np.arange(len(short)), "spans", SPAN_CUT)
    View(labelled, unlabelled, of_spans).save(chosen.work, f"minilm-{chosen.half}")
    print(f"MiniLM of half {chosen.half}: {judgement(labelled, reviews.labels)}")


if __name__ == "__main__":
    imdb.run(main)

"""Second view, second step: logits of the MiniLM that was fine-tuned on one half.

python -m examples.teacher.imdb.label_minilm A

It labels the other half, the unlabelled reviews, and the spans where `spans.py` has made them.
"""

import numpy as np
from safetensors.torch import load_file

from examples.teacher import steps
from examples.teacher.imdb import reviews as imdb
from examples.teacher.imdb import spans
from examples.teacher.imdb.views import View, judgement
from examples.teacher.labelling import label, network_of
from examples.teacher.minilm import MiniLM
from examples.teacher.word_pieces import Cut, WordPieces
from toolkit.errors import InputError

CUT: Cut = (80, 174)
SPAN_CUT: Cut = (40, 50)


def main() -> None:
    parser = steps.options(__doc__)
    parser.add_argument("half", choices=("A", "B"), help="the one that the model was tuned on")
    chosen = parser.parse_args()
    reviews = imdb.load(chosen.data)
    path = chosen.work / f"minilm-{chosen.half}.safetensors"
    if not path.is_file():
        raise InputError(f"{path}: not there yet. Run finetune_minilm.py {chosen.half} first.")
    model = MiniLM().bfloat16()
    model.load_state_dict(load_file(str(path)))
    network = network_of(model)

    count = len(reviews.labels)
    pieces = WordPieces.of(reviews.texts.to_pylist())
    others = reviews.half("B" if chosen.half == "A" else "A")
    labelled = np.full(count, np.nan, np.float32)
    labelled[others] = label(network, pieces, others, CUT, "labelled reviews")
    rows = np.arange(count, len(reviews))
    unlabelled = label(network, pieces, rows, CUT, "unlabelled reviews")
    short = WordPieces.of(spans.load(chosen.work))
    of_spans = label(network, short, np.arange(len(short)), SPAN_CUT, "spans")
    View(labelled, unlabelled, of_spans).save(chosen.work, f"minilm-{chosen.half}")
    print(f"MiniLM of half {chosen.half}: {judgement(labelled, reviews.labels)}")


if __name__ == "__main__":
    steps.run(main)

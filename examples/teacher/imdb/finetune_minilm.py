"""Second view, first step: fine-tune MiniLM on one half of the labelled reviews.

python -m examples.teacher.imdb.finetune_minilm A
"""

import numpy as np
from safetensors.torch import save_file

from examples.teacher import steps
from examples.teacher.imdb import reviews as imdb
from examples.teacher.tuning import SEED, Examples, Rates, batches, finetune
from examples.teacher.word_pieces import Cut, WordPieces

CUTS: tuple[Cut, ...] = ((40, 86), (56, 134))  # of an epoch each: short ones teach most at first
BATCH = 24
RATES = Rates(last_layer=1e-4)
_HELD_OUT = 600  # reviews of the other half to look at meanwhile


def main() -> None:
    parser = steps.options(__doc__)
    parser.add_argument("half", choices=("A", "B"))
    chosen = parser.parse_args()
    reviews = imdb.load(chosen.data)
    pieces = WordPieces.of(reviews.texts[: len(reviews.labels)].to_pylist())
    examples = Examples(pieces, reviews.labels, ((reviews.stars - 5.5) / 3.5).astype(np.float32))

    random = np.random.default_rng(SEED)
    rows, others = reviews.half(chosen.half), reviews.half("B" if chosen.half == "A" else "A")
    held_out = random.permutation(others)[:_HELD_OUT]
    plan = [
        (each, cut) for cut in CUTS for each in batches(rows, pieces.lengths, cut, BATCH, random)
    ]
    model = finetune(examples, plan, RATES, held_out, chosen.half)
    chosen.work.mkdir(parents=True, exist_ok=True)
    path = chosen.work / f"minilm-{chosen.half}.safetensors"
    save_file(model.state_dict(), str(path))
    print(f"written to {path}")


if __name__ == "__main__":
    steps.run(main)

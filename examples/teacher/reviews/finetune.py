"""First step: fine-tune MiniLM on one fold of the labelled reviews of all domains.

python -m examples.teacher.reviews.finetune A

Most of what it learns from is short: there a teacher that knows English helps most. Domains are
drawn by the root of their size, and both labels of a domain equally often.
"""

from collections.abc import Iterator

import numpy as np
from safetensors.torch import save_file

from examples.teacher import steps
from examples.teacher.reviews.reviews import Reviews, load, weights
from examples.teacher.tuning import SEED, Examples, Plan, Rates, batches, finetune
from examples.teacher.word_pieces import Cut, Rows, WordPieces
from exported.data import HALVES, HELD_OUT

SHORT = 48  # pieces
LONG_SHARE = 0.15  # of the texts of the first part, so that domains without short ones are learnt
FIRST_CUT: Cut = (12, 36)
LAST_CUT: Cut = (24, 72)
FIRST_TEXTS, FIRST_BATCH = 43_000, 64
LAST_TEXTS, LAST_BATCH = 6_720, 24
BARE_SHARE = 0.08
RATES = Rates(last_layer=2e-4, stars_weight=0.3)
_HELD_OUT_OF_DOMAIN = 48
_HELD_OUT_PIECES = 64


def draw(rows: Rows, reviews: Reviews, count: int, random: np.random.Generator) -> Rows:
    """So many rows by weight; one twice only if there are too few."""
    share = weights(reviews.domains[rows], reviews.labels[rows])
    return random.choice(rows, count, count > len(rows) // 2, share)


def plan_of(rows: Rows, reviews: Reviews, lengths: Rows) -> Plan:
    """All batches: short texts first, then whole ones."""
    random = np.random.default_rng(SEED)
    is_short = lengths[rows] <= SHORT
    long = int(FIRST_TEXTS * LONG_SHARE)
    first = np.concatenate(
        [
            draw(rows[is_short], reviews, FIRST_TEXTS - long, random),
            draw(rows[~is_short], reviews, long, random),
        ]
    )
    last = draw(rows, reviews, LAST_TEXTS, random)

    def parts() -> Iterator[tuple[Rows, Cut]]:
        for texts, cut, size in ((first, FIRST_CUT, FIRST_BATCH), (last, LAST_CUT, LAST_BATCH)):
            for batch in batches(texts, lengths, cut, size, random):
                yield batch, cut

    return list(parts())


def held_out_of(reviews: Reviews, lengths: Rows) -> Rows:
    """Short reviews that no fold has, as many of each domain."""
    is_judged = (reviews.folds == HELD_OUT) & (reviews.labels >= 0) & (lengths <= _HELD_OUT_PIECES)
    rows = np.random.default_rng(SEED).permutation(np.flatnonzero(is_judged))
    domains = reviews.domains[rows]
    parts = [rows[domains == domain][:_HELD_OUT_OF_DOMAIN] for domain in np.unique(domains)]
    return np.concatenate(parts)


def main() -> None:
    parser = steps.options(__doc__)
    parser.add_argument("fold", choices=tuple(HALVES))
    chosen = parser.parse_args()
    reviews = load(chosen.data, only_open=chosen.open)
    pieces = WordPieces.of(reviews.texts.to_pylist())
    lengths = pieces.lengths
    rows = np.flatnonzero((reviews.folds == chosen.fold) & (reviews.labels >= 0) & (lengths > 0))
    examples = Examples(pieces, reviews.labels, (reviews.stars - 3) / 1.75, BARE_SHARE)
    model = finetune(
        examples,
        plan_of(rows, reviews, lengths),
        RATES,
        held_out_of(reviews, lengths),
        f"fold {chosen.fold}",
    )
    chosen.work.mkdir(parents=True, exist_ok=True)
    path = chosen.work / f"reviews-{chosen.fold}.safetensors"
    save_file(model.state_dict(), str(path))
    print(f"written to {path}")


if __name__ == "__main__":
    steps.run(main)

"""After the answers: join them with those of the teacher of all domains.

python -m examples.teacher.mpnet.blend --output teacher.parquet

Where both have answered a text, their logits are added by half each, and scaled. Both numbers are
chosen by labelled texts, each domain and each label counting the same: neither teacher has seen the
labels of the texts that it answered.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from examples.teacher import steps
from examples.teacher.mpnet.answer import ANSWERS
from examples.teacher.reviews.blend import SURE, even_weights, probabilities, scale_of, write
from exported.data import join
from toolkit.model.stars import logits_of
from toolkit.training import fingerprint

OLD = steps.PROJECT / "exported" / "teacher.parquet"
AMOUNTS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.8, 1.0)  # of the larger teacher, tried
AMOUNT = 0.5
SCALE = 1.07


def answers_of(paths: list[Path]) -> dict[str, float]:
    """Read probabilities by hash, and return logits, none surer than a blended one."""
    found: dict[str, float] = {}
    for path in paths:
        table = pq.read_table(path, columns=["text_sha256", "positive_probability"])
        sure = table["positive_probability"].to_numpy().clip(1 - SURE, SURE)
        logits = logits_of(sure).tolist()
        found.update(zip(table["text_sha256"].to_pylist(), logits, strict=True))
    return found


def blended(old: dict[str, float], new: dict[str, float]) -> dict[str, float]:
    """Return the probability of each text: of both teachers, or of the one that answered."""
    logits = old | {
        name: logit if name not in old else SCALE * (AMOUNT * logit + (1 - AMOUNT) * old[name])
        for name, logit in new.items()
    }
    return probabilities(logits, 1.0)


def judge(data: Path, old: dict[str, float], new: dict[str, float]) -> None:
    """Print how right both are together on the labelled texts that both answered."""
    reviews = join(data)
    reviews = reviews.filter(pc.is_valid(reviews["label"]))
    names = [fingerprint(text) for text in reviews["text"].to_pylist()]
    rows = [row for row, name in enumerate(names) if name in old and name in new]
    labels = reviews["label"].take(pa.array(rows)).to_numpy()
    weights = even_weights(reviews["domain"].take(pa.array(rows)).to_numpy(), labels)
    both = [np.array([one[names[row]] for row in rows]) for one in (old, new)]
    print(f"{len(rows):,} labelled texts that both answered")
    for amount in AMOUNTS:
        logits = (1 - amount) * both[0] + amount * both[1]
        scale = scale_of(logits, labels, weights)
        signed = np.where(labels > 0.5, -scale * logits, scale * logits)
        loss = np.average(np.logaddexp(0, signed), weights=weights)
        right = np.average((logits > 0) == (labels > 0.5), weights=weights)
        print(f"{amount:.1f}: {right:.2%} right, log loss {loss:.4f}, scale {scale:.2f}")


def main() -> None:
    """Judge, and write."""
    parser = steps.options(__doc__)
    parser.add_argument("--answers", type=Path, default=ANSWERS, help="the folder of the answers")
    parser.add_argument("--output", type=Path, required=True, help="the teacher file to write")
    arguments = parser.parse_args()
    old, new = answers_of([OLD]), answers_of(sorted(arguments.answers.glob("*.parquet")))
    judge(arguments.data, old, new)
    rows = blended(old, new)
    write(arguments.output, rows)
    print(f"{len(rows):,} texts, written to {arguments.output}")


if __name__ == "__main__":
    steps.run(main)

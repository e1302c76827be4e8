"""The second teacher: networks that read order learn from the first, and label what is new to them.

python -m examples.teacher.reviews.second --first FILE

One network is fitted to each fold of the labelled reviews, and to all texts without labels, with
the commands of the toolkit; it labels the other fold. Its logits are added to those of the first
teacher, where that has any, by shares and a scale for films and for the other domains: long reviews
of those have a teacher only now. What is there already is not made again, so an interrupted run
resumes.
"""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from examples.teacher import steps
from examples.teacher.imdb import spans as imdb_spans
from examples.teacher.reviews.blend import SURE, Floats, scale_of, write
from exported.data import FILMS, HALVES
from exported.kinds import KIND
from exported.make import RUNS, all_reviews, run_toolkit
from toolkit import Scorer
from toolkit.model.stars import sigmoid
from toolkit.records import ReadOptions
from toolkit.training import fingerprint, teacher

SHARES = {True: 0.5, False: 1.0}  # of the networks beside the first teacher: of films, of others
RULED = "phrases.parquet"  # texts whose probability is a rule: no teacher changes it


def train(fold: str, first: Path, work: Path) -> Path:
    """Fit a network to a fold and to the texts without labels; give its model file."""
    run = work / f"second-{fold}"
    path = run / "model.onnx"
    if path.is_file():
        return path
    all_reviews(first, fold)  # with composed texts of this fold alone
    labelled = pq.read_table(RUNS / "train.parquet")
    pq.write_table(labelled.filter(pc.equal(labelled["fold"], fold)), work / f"{fold}.parquet")
    files = {
        "--validation-data": "validation",
        "--unlabelled": "unlabelled",
        "--teacher": "teacher",
    }
    data = [word for option, name in files.items() for word in (option, f"{RUNS / name}.parquet")]
    columns = ["--group-column", "group", "--balance-column", KIND]
    network = ["--preset", "ngram-recurrent", "--output", str(run), "--force"]
    run_toolkit("train", str(work / f"{fold}.parquet"), *columns, *data, *network)
    run_toolkit("export", str(run), "--output", str(path), "--force")
    return path


def logits_of(texts: list[str], folds: Floats, first: Path, work: Path) -> Floats:
    """Give the logits, (texts,), of the network of the other fold; the first texts have `folds`."""
    names, found = [fingerprint(text) for text in texts], []
    for fold in HALVES:
        path, model = work / f"second-{fold}.parquet", train(fold, first, work)
        known = pq.read_table(path) if path.is_file() else None
        if known is None or known["text_sha256"].to_pylist() != names:
            scored = Scorer(model).probabilities(pa.array(texts, pa.large_string()))
            known = pa.table({"text_sha256": names, "probability": scored})
            pq.write_table(known, path)
        logits = _logit(known["probability"].to_numpy())
        logits[: len(folds)][folds == fold] = np.nan
        found.append(logits)
    return np.asarray(np.nanmean(found, axis=0))


def blended(logits: Floats, first: Floats, labels: Floats, is_film: Floats) -> Floats:
    """Give the probabilities, (texts,), NaN without any logit; the first texts have `labels`."""
    total = np.where(np.isnan(first), logits, 0.0)
    for film, share in SHARES.items():
        both = (is_film == film) & ~np.isnan(first)
        total[both] = (first + share * np.nan_to_num(logits))[both]
    for part in (np.isnan(first), *((is_film == film) & ~np.isnan(first) for film in SHARES)):
        rows = np.flatnonzero(part[: len(labels)] & ~np.isnan(total[: len(labels)]))
        total[part] *= scale_of(total[rows], labels[rows], np.ones(len(rows))) if len(rows) else 1.0
    return np.asarray(sigmoid(total)).clip(1 - SURE, SURE)


def main() -> None:
    parser = steps.options(__doc__)
    shipped = steps.PROJECT / "exported" / "teacher.parquet"
    parser.add_argument("--first", type=Path, required=True, help="the file of the first teacher")
    parser.add_argument("--output", type=Path, default=shipped, help="the file to write")
    chosen = parser.parse_args()
    chosen.work.mkdir(parents=True, exist_ok=True)
    os.environ["TOOLKIT_DATA"] = str(chosen.data)
    for fold in HALVES:
        train(fold, chosen.first, chosen.work)
    found = teacher.load_teacher(chosen.first, ReadOptions())
    pairs = zip(found.texts or (), found.probabilities.tolist(), strict=True)
    rows = {name: value for name, value in pairs if name is not None}
    labelled = pq.read_table(RUNS / "train.parquet", columns=["text", "label", "domain", "fold"])
    others = pq.read_table(RUNS / "unlabelled.parquet")["text"].to_pylist()
    # What the first teacher does not know is composed: it has a rule, and so have phrases.
    ruled = {*pq.read_table(RUNS / "texts" / RULED)["text"].to_pylist()}
    others = [text for text in others if text not in ruled and fingerprint(text) in rows]
    texts = [*labelled["text"].to_pylist(), *others]
    films = pq.read_table(chosen.data / "imdb" / "unlabelled.parquet")["text"].to_pylist()
    films = {*films, *imdb_spans.choose(films)}
    of_labelled = np.array(labelled["domain"].to_pylist()) == FILMS
    is_film = np.concatenate([of_labelled, [text in films for text in others]])
    first = _logit(np.array([rows.get(fingerprint(text), np.nan) for text in texts]))
    labels = labelled["label"].to_numpy().astype(np.float64)
    folds = np.array(labelled["fold"].to_pylist())
    logits = logits_of(texts, folds, chosen.first, chosen.work)
    for text, value in zip(texts, blended(logits, first, labels, is_film).tolist(), strict=True):
        if not np.isnan(value):
            rows[fingerprint(text)] = value
    write(chosen.output, rows)
    print(f"{len(rows):,} texts, written to {chosen.output}")


def _logit(probabilities: Floats) -> Floats:
    safe = np.clip(probabilities.astype(np.float64), 1 - SURE, SURE)
    return np.asarray(np.log(safe / (1 - safe)))


if __name__ == "__main__":
    steps.run(main)

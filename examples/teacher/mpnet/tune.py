"""Second step: fine-tune the upper layers of MPNet on texts of one fold.

python -m examples.teacher.mpnet.tune A

There are two rounds, each of one epoch: the upper four layers learn from short texts, then the
upper six from other texts, long reviews among them. The model of a round that is there already is
not made again, and a round that was stopped goes on.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from examples.teacher import steps
from examples.teacher.mpnet.network import (
    LAYERS,
    WIDTH,
    Arrays,
    Floats,
    Network,
    is_of_layers,
    pretrained,
)
from examples.teacher.mpnet.pieces import Ids, Rows, word_pieces
from examples.teacher.mpnet.texts import Mix, examples_of
from examples.teacher.reviews.reviews import load
from exported.data import HALVES

WARM_UP, LAST_SHARE = 25, 0.02  # steps; of the rate at the end
BATCH = 40  # texts, about
MOST_PIECES_OF_BATCH = 4_000
DECAY = 0.01
SEED = 1
_MOMENTS = 0.9, 0.98
_LONGEST_GRADIENT = 1.0
_STEPS_TOLD, _STEPS_SAVED = 20, 60


@dataclass(frozen=True)
class Round:
    """One epoch of learning.

    Attributes
    ----------
    first_layer : int
        This layer and those above it learn.
    rate, head_rate : float
        The step of Adam for the layers, and for the weights that turn a vector into a logit.
    mix : Mix
        The texts.
    """

    first_layer: int
    rate: float
    head_rate: float
    mix: Mix


ROUNDS = (
    Round(
        first_layer=8,
        rate=6e-5,
        head_rate=1.5e-3,
        mix=Mix(
            short=6_000,
            long=0,
            sentences=1_200,
            opinions=1_800,
            neutral=150,
            beside=150,
            written=700,
        ),
    ),
    Round(
        first_layer=6,
        rate=4e-5,
        head_rate=3e-4,
        mix=Mix(
            short=18_000,
            long=2_500,
            sentences=2_500,
            opinions=4_500,
            neutral=400,
            beside=400,
            written=3_000,
        ),
    ),
)
LOWER = ROUNDS[-1].first_layer  # layers that stay as they were, shared by the models of all folds
UPPER = range(LOWER, LAYERS)


def one_thread() -> None:
    """Keep TensorFlow to one thread."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def tuned_file(work: Path, fold: str, turn: int = len(ROUNDS)) -> Path:
    """Name the file of a fold's upper layers after a round, by default the last one."""
    return work / (f"mpnet-{fold}.safetensors" if turn == 1 else f"mpnet-{fold}-{turn}.safetensors")


def tuned(work: Path, fold: str, turn: int = len(ROUNDS)) -> Arrays:
    """Read the weights of a fold: those that learned, and the head."""
    from safetensors.numpy import load_file  # noqa: PLC0415 (not installed for the tests)

    found: Arrays = load_file(str(tuned_file(work, fold, turn)))
    return found


def start_of(work: Path, fold: str, turn: int) -> Arrays:
    """Return the weights that a round begins with: the pretrained ones, and the last round's."""
    given = pretrained(work)
    if turn > 1:
        return given | tuned(work, fold, turn - 1)
    random = np.random.default_rng(SEED)
    given["head.weight"] = random.normal(0, 0.02, (WIDTH, 1)).astype(np.float32)
    given["head.bias"] = np.zeros(1, np.float32)
    return given


class Learner:
    """The upper layers as variables, and Adam's steps."""

    def __init__(self, given: Arrays, plan: Round, *, exact: bool) -> None:
        self._plan = plan
        self._upper = range(plan.first_layer, LAYERS)
        self.variables = {
            name: tf.Variable(weight, name=name)
            for name, weight in given.items()
            if is_of_layers(name, self._upper) or name.startswith("head.")
        }
        self._network = Network({**given, **self.variables}, exact=exact)
        self._moments = [
            [tf.Variable(tf.zeros_like(one)) for one in self.variables.values()] for _ in _MOMENTS
        ]
        texts, number = tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.float32)
        signature = [tf.TensorSpec([None, None], tf.int32), texts, number, number]
        self.step = tf.function(self._step, input_signature=signature)

    def save_state(self, path: Path, done: int) -> None:
        """Write the weights and the moments after so many steps."""
        from safetensors.numpy import save_file  # noqa: PLC0415 (not installed for the tests)

        partial = path.with_suffix(".partial")
        save_file(
            {name: one.numpy() for name, one in self._state()},
            str(partial),
            metadata={"done": str(done)},
        )
        partial.rename(path)

    def restored(self, path: Path) -> int:
        """Read the weights and the moments again; return after how many steps they were written."""
        from safetensors import safe_open  # noqa: PLC0415 (not installed for the tests)

        with safe_open(str(path), "numpy") as file:
            for name, variable in self._state():
                variable.assign(file.get_tensor(name))
            return int(file.metadata()["done"])

    def _state(self) -> Iterator[tuple[str, Any]]:
        """Yield all that learns by name."""
        yield from self.variables.items()
        for number, moments in enumerate(self._moments):
            for name, moment in zip(self.variables, moments, strict=True):
                yield f"moment {number} of {name}", moment

    def _step(self, ids: Any, targets: Any, share: Any, done: Any) -> Any:
        """Learn a batch with a share of the rates, after so many steps: its loss."""
        fixed = range(self._plan.first_layer)
        lower = tf.stop_gradient(self._network.layers(self._network.embedded(ids), fixed))
        with tf.GradientTape() as tape:
            vectors = self._network.layers(lower, self._upper, learns=True)
            logits = self._network.logits(vectors, learns=True)
            losses = tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, [*self.variables.values()])
        gradients, _ = tf.clip_by_global_norm(gradients, _LONGEST_GRADIENT)
        changes = zip(self.variables.items(), gradients, *self._moments, strict=True)
        for (name, weight), gradient, first, second in changes:
            mean = first.assign(_MOMENTS[0] * first + (1 - _MOMENTS[0]) * gradient)
            square = second.assign(_MOMENTS[1] * second + (1 - _MOMENTS[1]) * gradient**2)
            even = mean / (1 - _MOMENTS[0] ** (done + 1))
            change = even / (tf.sqrt(square / (1 - _MOMENTS[1] ** (done + 1))) + 1e-6)
            if len(weight.shape) > 1 and not name.startswith("head"):
                change += DECAY * weight
            rate = self._plan.head_rate if name.startswith("head") else self._plan.rate
            weight.assign_sub(share * rate * change)
        return loss


def batches(lengths: Rows, random: np.random.Generator) -> list[Rows]:
    """Return batches of about `BATCH` texts of one length each, in random order.

    A batch of long texts has fewer of them, `MOST_PIECES_OF_BATCH` pieces about.
    """
    found: list[Rows] = []
    for length in np.unique(lengths):
        rows = random.permutation(np.flatnonzero(lengths == length))
        size = min(BATCH, MOST_PIECES_OF_BATCH / length)
        found += np.array_split(rows, max(1, round(len(rows) / size)))
    return [found[at] for at in random.permutation(len(found))]


def learn(pieces: list[Ids], targets: Floats, learner: Learner, name: str, state: Path) -> None:
    """Take the steps of an epoch that are not taken yet, and report how it goes.

    Every `_STEPS_SAVED` steps, all is written to `state`, from where a stopped run goes on.
    """
    plan = batches(np.array([len(one) for one in pieces]), np.random.default_rng(SEED))
    taken = learner.restored(state) if state.is_file() else 0
    start = time.monotonic()
    losses: list[float] = []
    for done, rows in enumerate(plan[taken:], taken):
        left = 1 - done / len(plan)
        share = min((done + 1) / WARM_UP, max(LAST_SHARE, left))
        ids = np.stack([pieces[row] for row in rows])
        loss = learner.step(ids, targets[rows], np.float32(share), np.float32(done))
        losses.append(float(loss))
        if (done + 1) % _STEPS_TOLD == 0 or done + 1 == len(plan):
            told = float(np.mean(losses[-_STEPS_TOLD:]))
            clocks = f"{time.monotonic() - start:.0f} s, {time.process_time():.0f} s of processor"
            print(f"{name}: step {done + 1} of {len(plan)}, loss {told:.4f}, {clocks}", flush=True)
        if (done + 1) % _STEPS_SAVED == 0:
            learner.save_state(state, done + 1)


def main() -> None:
    parser = steps.options(__doc__)
    parser.add_argument("fold", choices=tuple(HALVES))
    parser.add_argument("--exact", action="store_true", help="multiply in float32")
    chosen = parser.parse_args()
    one_thread()
    reviews = load(chosen.data)
    for turn, plan in enumerate(ROUNDS, 1):
        path = tuned_file(chosen.work, chosen.fold, turn)
        if path.is_file():
            print(f"{path}: is there already")
            continue
        tf.random.set_seed(SEED)
        examples = examples_of(chosen.fold, reviews, plan.mix, turn - 1)
        pieces = word_pieces([one.text for one in examples], chosen.work)
        targets = np.array([one.probability for one in examples], np.float32)
        learner = Learner(start_of(chosen.work, chosen.fold, turn), plan, exact=chosen.exact)
        name = f"fold {chosen.fold}, round {turn}"
        print(f"{name}: {len(pieces):,} texts, {sum(map(len, pieces)):,} pieces", flush=True)
        state = path.with_suffix(".state")
        learn(pieces, targets, learner, name, state)
        save(path, learner)
        state.unlink(missing_ok=True)


def save(path: Path, learner: Learner) -> None:
    """Write the weights that have learned, in one step."""
    from safetensors.numpy import save_file  # noqa: PLC0415 (not installed for the tests)

    partial = path.with_suffix(".partial")
    save_file({name: one.numpy() for name, one in learner.variables.items()}, str(partial))
    partial.rename(path)
    print(f"written to {path}")


if __name__ == "__main__":
    steps.run(main)

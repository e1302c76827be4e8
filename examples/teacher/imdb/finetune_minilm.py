"""Second view, first step: fine-tune MiniLM on one half of the labelled reviews.

python examples/teacher/imdb/finetune_minilm.py A

The weights are bfloat16, which halves the time on a CPU that has it; a copy in float32 takes the
steps, most of which are too small for bfloat16.
"""

import time
from typing import Any

import numpy as np
import reviews as imdb
import torch
from minilm import LAYERS, MiniLM
from reviews import Reviews, Rows
from safetensors.torch import save_file
from torch.nn import functional
from views import log_loss
from word_pieces import Cut, WordPieces

CUTS: tuple[Cut, ...] = ((40, 86), (56, 134))  # of an epoch each: short ones teach most at first
BATCH = 24
RATE, LESS_BY_LAYER = 1e-4, 0.85  # of the last layer, and how much less each below it learns
HEAD_RATE = 2e-3
DECAY = 0.01
STARS_WEIGHT = 0.5  # of the squared error of the stars added to the cross-entropy of the labels
SEED = 1
_BATCHES_SORTED = 40
_HELD_OUT = 600  # reviews of the other half to look at meanwhile
_STEPS_TOLD = 50


class Tuning:
    """The weights, their float32 copies, and the steps."""

    def __init__(self, reviews: Reviews, pieces: WordPieces) -> None:
        self.model = MiniLM().load_pretrained().bfloat16()
        self.model.words.requires_grad_(False)
        self.model.positions.requires_grad_(False)
        self._reviews, self._pieces = reviews, pieces
        named = [(name, one) for name, one in self.model.named_parameters() if one.requires_grad]
        self._weights = [one for _, one in named]
        self._exact = [one.detach().float().clone() for one in self._weights]
        for one in self._exact:
            one.grad = torch.zeros_like(one)
        self._rates = [rate(name) for name, _ in named]
        groups = [
            {"params": [one], "lr": at, "weight_decay": DECAY if one.dim() > 1 else 0.0}
            for one, at in zip(self._exact, self._rates, strict=True)
        ]
        self._optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), eps=1e-6, fused=True)

    def step(self, rows: Rows, cut: Cut, share: float) -> tuple[float, float]:
        """Learn a batch, with a share of the learning rates; gives cross-entropy and accuracy."""
        for group, at in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = at * share
        logits, scores = self.model(*self._pieces.batch(rows, cut))
        labels = torch.from_numpy(self._reviews.labels[rows])
        stars = torch.from_numpy((self._reviews.stars[rows] - 5.5) / 3.5)
        loss = functional.binary_cross_entropy_with_logits(logits, labels)
        (loss + STARS_WEIGHT * functional.mse_loss(scores, stars)).backward()
        for exact, weight in zip(self._exact, self._weights, strict=True):
            exact.grad.copy_(weight.grad)
            weight.grad = None
        torch.nn.utils.clip_grad_norm_(self._exact, 1.0)
        self._optimizer.step()
        with torch.no_grad():
            for exact, weight in zip(self._exact, self._weights, strict=True):
                weight.copy_(exact)
        return loss.item(), ((logits > 0) == (labels > 0.5)).float().mean().item()

    def judge(self, rows: Rows, cut: Cut) -> str:
        """Accuracy and log loss of reviews of the other half."""
        self.model.eval()
        order = rows[np.argsort(self._pieces.lengths[rows])]
        with torch.inference_mode():
            found = [
                self.model(*self._pieces.batch(order[start : start + 20], cut))[0].numpy()
                for start in range(0, len(order), 20)
            ]
        self.model.train()
        logits, labels = np.concatenate(found), self._reviews.labels[order]
        accuracy = np.mean((logits > 0) == (labels > 0.5))
        return f"accuracy {accuracy:.2%}, log loss {log_loss(logits, labels):.4f}"


def rate(name: str) -> float:
    """The learning rate of a weight by its name: the nearer to the words, the less."""
    if name.startswith("head"):
        return HEAD_RATE
    depth = int(name.split(".")[1]) + 1 if name.startswith("layers") else 0
    return RATE * LESS_BY_LAYER ** (LAYERS - depth)


def batches(rows: Rows, lengths: Rows, cut: Cut, random: np.random.Generator) -> list[Rows]:
    """Batches of about equal lengths, in random order."""
    rows, found = random.permutation(rows), []
    for start in range(0, len(rows), BATCH * _BATCHES_SORTED):
        near = rows[start : start + BATCH * _BATCHES_SORTED]
        near = near[np.argsort(np.minimum(lengths[near], sum(cut)), kind="stable")]
        found += [near[at : at + BATCH] for at in range(0, len(near), BATCH)]
    return [found[index] for index in random.permutation(len(found))]


def finetune(reviews: Reviews, pieces: WordPieces, half: imdb.Half) -> Any:
    """Fine-tune on a half: a `MiniLM`. The learning rate rises for a twelfth, then falls to 0."""
    torch.manual_seed(SEED)
    random = np.random.default_rng(SEED)
    rows, others = reviews.half(half), reviews.half("B" if half == "A" else "A")
    held_out = random.permutation(others)[:_HELD_OUT]
    tuning = Tuning(reviews, pieces)
    steps = [(cut, each) for cut in CUTS for each in batches(rows, pieces.lengths, cut, random)]
    warm_up = len(steps) // 12 + 1
    tuning.model.train()
    start, told = time.monotonic(), []
    for done, (cut, batch) in enumerate(steps, 1):
        left = (len(steps) - done + 1) / max(len(steps) - warm_up, 1)
        told.append(tuning.step(batch, cut, min(done / warm_up, left)))
        if done % _STEPS_TOLD == 0 or done == len(steps):
            loss, accuracy = np.mean(told, axis=0)
            told.clear()
            print(
                f"{half}: step {done} of {len(steps)}, loss {loss:.4f}, accuracy {accuracy:.2%}, "
                f"{time.monotonic() - start:.0f} s",
                flush=True,
            )
        if done % max(len(steps) // 4, 1) == 0:
            print(f"{half}: {len(held_out)} others: {tuning.judge(held_out, cut)}", flush=True)
    return tuning.model


def main() -> None:
    parser = imdb.options(__doc__)
    parser.add_argument("half", choices=("A", "B"))
    chosen = parser.parse_args()
    reviews = imdb.load(chosen.data)
    pieces = WordPieces.of(reviews.texts[: len(reviews.labels)].to_pylist())
    model = finetune(reviews, pieces, chosen.half)
    chosen.work.mkdir(parents=True, exist_ok=True)
    path = chosen.work / f"minilm-{chosen.half}.safetensors"
    save_file(model.state_dict(), str(path))
    print(f"written to {path}")


if __name__ == "__main__":
    imdb.run(main)

"""Fine-tuning MiniLM: the weights in bfloat16, which halves the time on a CPU that has it.

A copy in float32 takes the steps, most of which are too small for bfloat16.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from examples.teacher.labelling import label, network_of
from examples.teacher.minilm import LAYERS, MiniLM
from examples.teacher.word_pieces import Cut, Rows, WordPieces

HEAD_RATE = 2e-3
DECAY = 0.01
SEED = 1
_LONGEST_GRADIENT = 1.0
_STEPS_TOLD = 50
_BATCHES_SORTED = 40

Floats = npt.NDArray[np.float32]
Plan = Sequence[tuple[Rows, Cut]]
"""Batches in the order in which they are learnt, and where their texts are cut."""


@dataclass(frozen=True)
class Examples:
    """Texts to learn from.

    Attributes
    ----------
    pieces : WordPieces
        Of each text.
    labels : Floats
        (texts,) 1 positive, 0 negative.
    stars : Floats
        (texts,) scaled to about -1 to 1, NaN where there are none.
    bare_share : float
        Of the texts of a batch that lose their punctuation, as many are written without.
    """

    pieces: WordPieces
    labels: Floats
    stars: Floats
    bare_share: float = 0.0


@dataclass(frozen=True)
class Rates:
    """How much the weights learn.

    Attributes
    ----------
    last_layer : float
        Its learning rate.
    less_by_layer : float
        How much less each layer below it learns.
    stars_weight : float
        Of the squared error of the stars, added to the cross-entropy of the labels.
    """

    last_layer: float
    less_by_layer: float = 0.85
    stars_weight: float = 0.5

    def of(self, name: str) -> float:
        """The learning rate of a weight: the nearer to the words, the less."""
        if name.startswith("head"):
            return HEAD_RATE
        depth = int(name.split(".")[1]) + 1 if name.startswith("layers") else 0
        return self.last_layer * self.less_by_layer ** (LAYERS - depth)


class _Steps:
    """The weights, their float32 copies, and the steps."""

    def __init__(self, rates: Rates) -> None:
        self.model = MiniLM().load_pretrained().bfloat16()
        self.model.words.requires_grad_(False)
        self.model.positions.requires_grad_(False)
        self._stars_weight = rates.stars_weight
        named = [(name, one) for name, one in self.model.named_parameters() if one.requires_grad]
        self._weights = [one for _, one in named]
        self._exact = [one.detach().float().clone() for one in self._weights]
        for one in self._exact:
            one.grad = torch.zeros_like(one)
        self._rates = [rates.of(name) for name, _ in named]
        groups = [
            {"params": [one], "lr": at, "weight_decay": DECAY if one.dim() > 1 else 0.0}
            for one, at in zip(self._exact, self._rates, strict=True)
        ]
        self._optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), eps=1e-6, fused=True)

    def take(self, batch: tuple[Any, Any], labels: Any, stars: Any, share: float) -> Any:
        """Learn a batch, with a share of the learning rates: cross-entropy and accuracy."""
        for group, at in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = at * share
        logits, scores = self.model(*batch)
        loss = functional.binary_cross_entropy_with_logits(logits, labels)
        errors = torch.where(torch.isnan(stars), 0.0, scores - torch.nan_to_num(stars))
        (loss + self._stars_weight * errors.square().mean()).backward()
        for exact, weight in zip(self._exact, self._weights, strict=True):
            exact.grad.copy_(weight.grad)
            weight.grad = None
        torch.nn.utils.clip_grad_norm_(self._exact, _LONGEST_GRADIENT)
        self._optimizer.step()
        with torch.no_grad():
            for exact, weight in zip(self._exact, self._weights, strict=True):
                weight.copy_(exact)
        return loss.item(), ((logits > 0) == (labels > 0.5)).float().mean().item()


def finetune(examples: Examples, plan: Plan, rates: Rates, held_out: Rows, name: str) -> Any:
    """Learn all batches of a plan, and tell how it goes, four times on texts that are held out.

    Gives a `MiniLM`. The learning rates rise for a twelfth of the steps, and then fall to 0.
    """
    torch.manual_seed(SEED)
    random = np.random.default_rng(SEED)
    steps = _Steps(rates)
    steps.model.train()
    warm_up = len(plan) // 12 + 1
    start, told = time.monotonic(), []
    for done, (rows, cut) in enumerate(plan, 1):
        left = (len(plan) - done + 1) / max(len(plan) - warm_up, 1)
        is_bare = random.random(len(rows)) < examples.bare_share
        batch = examples.pieces.batch(rows, cut, is_bare)
        labels, stars = (torch.from_numpy(one[rows]) for one in (examples.labels, examples.stars))
        told.append(steps.take(batch, labels, stars, min(done / warm_up, left)))
        if done % _STEPS_TOLD == 0 or done == len(plan):
            loss, accuracy = np.mean(told, axis=0)
            told.clear()
            print(
                f"{name}: step {done} of {len(plan)}, loss {loss:.4f}, accuracy {accuracy:.2%}, "
                f"{time.monotonic() - start:.0f} s",
                flush=True,
            )
        if done % max(len(plan) // 4, 1) == 0:
            logits = label(network_of(steps.model), examples.pieces, held_out, cut)
            steps.model.train()
            found = judged(logits, examples.labels[held_out])
            print(f"{name}: {len(held_out)} held out: {found}", flush=True)
    return steps.model


def judged(logits: Floats, labels: Floats) -> str:
    """Accuracy and log loss of logits, neither of them scaled."""
    losses = np.logaddexp(0, np.where(labels > 0.5, -logits, logits))
    right = (logits > 0) == (labels > 0.5)
    return f"accuracy {right.mean():.2%}, log loss {losses.mean():.4f}"


def batches(
    rows: Rows, lengths: Rows, cut: Cut, size: int, random: np.random.Generator
) -> list[Rows]:
    """Batches of about equal lengths, in random order."""
    rows, found = random.permutation(rows), []
    for start in range(0, len(rows), size * _BATCHES_SORTED):
        near = rows[start : start + size * _BATCHES_SORTED]
        near = near[np.argsort(np.minimum(lengths[near], sum(cut)), kind="stable")]
        found += [near[at : at + size] for at in range(0, len(near), size)]
    return [found[index] for index in random.permutation(len(found))]

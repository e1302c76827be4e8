"""MiniLM-L6, a BERT of six layers and 384 dimensions, in plain PyTorch.

Wang et al., MiniLM: Deep Self-Attention Distillation for Task-Agnostic Compression of Pre-Trained
Transformers, NeurIPS 2020. Only what the weights of the package need, with two numbers for a text
at the end; a mean over the pieces, dropout by the review, and bfloat16 make it quick on a CPU.
"""

from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from examples.teacher.word_pieces import model_file

WIDTH, LAYERS, HEADS, INNER = 384, 6, 12, 1536
VOCABULARY, POSITIONS = 30522, 512
DROPOUT = 0.1
_EPSILON = 1e-12
HIDDEN = -1e4  # added to the scores of padding

# The names of a layer here, and in the package; the three of attention are one matrix here.
_NAMES = {
    "out": "attention.output.dense",
    "norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "last_norm": "output.LayerNorm",
}


class Layer(nn.Module):  # type: ignore[misc]
    """Attention and a network for each piece, normalised after the sums."""

    def __init__(self) -> None:
        super().__init__()
        self.attention, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.norm, self.last_norm = nn.LayerNorm(WIDTH, _EPSILON), nn.LayerNorm(WIDTH, _EPSILON)

    def forward(self, vectors: Any, hidden: Any) -> Any:
        """Vectors (texts, pieces, WIDTH) → the same."""
        texts, pieces, _ = vectors.shape
        parts = self.attention(vectors).view(texts, pieces, 3, HEADS, WIDTH // HEADS)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)
        # By hand: quicker on a CPU than the fused attention of PyTorch 2.13.
        scores = torch.matmul(queries * (HEADS / WIDTH) ** 0.5, keys.transpose(-1, -2))
        shares = torch.softmax(scores if hidden is None else scores + hidden, -1)
        found = torch.matmul(shares, values).transpose(1, 2).reshape(texts, pieces, WIDTH)
        vectors = self.norm(vectors + self._dropped(self.out(found)))
        return self.last_norm(vectors + self._dropped(self.down(functional.gelu(self.up(vectors)))))

    def _dropped(self, vectors: Any) -> Any:
        """Dropout, the same at all pieces of a text: it costs almost nothing."""
        if not self.training:
            return vectors
        kept = torch.rand(len(vectors), 1, WIDTH) > DROPOUT
        return vectors * kept.to(vectors.dtype).div_(1 - DROPOUT)


class MiniLM(nn.Module):  # type: ignore[misc]
    """Word pieces of texts → the logit of positive, and a score for the stars."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.positions = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(POSITIONS, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, _EPSILON)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.head = nn.Linear(WIDTH, 2)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, ids: Any, is_piece: Any = None) -> Any:
        """(texts, pieces) int64, bool → (texts,) float32, twice."""
        hidden = None
        if is_piece is not None:
            hidden = torch.zeros(is_piece.shape, dtype=self.words.weight.dtype)
            hidden = hidden.masked_fill(~is_piece, HIDDEN)[:, None, None, :]
        vectors = self.vectors(ids, hidden).float()
        if is_piece is None:
            mean = vectors.mean(1)
        else:
            share = is_piece.float()[..., None]
            mean = (vectors * share).sum(1) / share.sum(1)
        mean = functional.dropout(mean, DROPOUT, self.training)
        return functional.linear(mean, self.head.weight.float(), self.head.bias.float()).unbind(1)

    def vectors(self, ids: Any, hidden: Any) -> Any:
        """(texts, pieces), and what is added to the scores, None for nothing → a vector a piece."""
        vectors = self.norm(self.words(ids) + self.positions.weight[: ids.shape[1]])
        for layer in self.layers:
            vectors = layer(vectors, hidden)
        return vectors

    def load_pretrained(self) -> "MiniLM":
        """Take the weights of the package; the head keeps its random ones."""
        given = load_file(str(model_file("model.safetensors")))
        word = "embeddings.word_embeddings.weight"
        kind = given["embeddings.token_type_embeddings.weight"][0]
        weights = {
            "words.weight": given[word],
            "positions.weight": given["embeddings.position_embeddings.weight"] + kind,
            "norm.weight": given["embeddings.LayerNorm.weight"],
            "norm.bias": given["embeddings.LayerNorm.bias"],
        }
        for index in range(LAYERS):
            theirs, ours = f"encoder.layer.{index}", f"layers.{index}"
            for end in ("weight", "bias"):
                attention = [f"attention.self.{name}.{end}" for name in ("query", "key", "value")]
                weights[f"{ours}.attention.{end}"] = torch.cat(
                    [given[f"{theirs}.{name}"] for name in attention]
                )
                for name, other in _NAMES.items():
                    weights[f"{ours}.{name}.{end}"] = given[f"{theirs}.{other}.{end}"]
        self.load_state_dict({**self.state_dict(), **weights})
        return self

"""`--class-weight balanced`: both labels count the same, however rare one is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.training.conftest import make_rows
from toolkit.errors import UsageError
from toolkit.training.options import TrainingOptions
from toolkit.training.reviews import Reviews, balanced_weights
from toolkit.training.train import train


def test_a_rare_label_weighs_as_much_as_the_other() -> None:
    labels = np.array([0] * 4 + [1] * 296, np.int8)
    texts = pa.chunked_array([pa.array(["a"] * 300)])
    reviews = Reviews("some", texts, labels, domains=np.zeros(300, np.int64))
    weights = balanced_weights(reviews)
    assert weights[labels == 0].sum() == pytest.approx(weights[labels == 1].sum(), rel=1e-5)
    assert weights.mean() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("preset", ["conv1d", "ngram-linear"])
def test_networks_find_the_rare_label(preset: str, write_csv: Any, tmp_path: Path) -> None:
    """The probabilities are those of reviews of which half are positive."""
    pytest.importorskip("tensorflow", reason="needs the extra 'train'")
    rows = make_rows(1200)
    negative = [row for row in rows if row[1] == "0"][:40]
    data = write_csv(*[row for row in rows if row[1] == "1"], *negative)
    means = {}
    for weight in (None, "balanced"):
        run = tmp_path / str(weight)
        options = TrainingOptions(
            data=str(data), preset=preset, class_weight=weight, output=run, epochs=4
        )
        result = train(options)
        config = result.run.load_config()
        assert config.training.get("balanced") == (weight and True)
        held_out = pq.read_table(result.run.validation)
        labels, probability = (held_out[name].to_numpy() for name in ("label", "probability"))
        means[weight] = probability[labels == 0].mean()
    assert means["balanced"] < means[None]


def test_another_class_weight() -> None:
    with pytest.raises(UsageError, match="--class-weight: expected balanced, found x"):
        TrainingOptions(class_weight="x")

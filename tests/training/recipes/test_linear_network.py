from __future__ import annotations

import math

import numpy as np
import pytest

from tests.text.rows import rows_of_ids
from toolkit.text.token_ids import TokenIds

SIZE = 10
ROWS = [[1, 4, 5], [4, 5, 6], [5, 4]]
TARGETS = np.array([1, 0.25, 0], np.float32)
WEIGHTS = np.array([1, 2, 1], np.float32)


@pytest.fixture(scope="module")
def tokens() -> TokenIds:
    pytest.importorskip("tensorflow", reason="needs the extra 'train'")
    return rows_of_ids(ROWS)


def test_log_ratios_compare_smoothed_shares(tokens: TokenIds) -> None:
    from toolkit.networks.ngram_linear import log_ratios

    ratios = log_ratios(tokens, TARGETS, WEIGHTS, SIZE)
    # Each token counts as a word and as a pair; the start id does not count.
    sums = np.array([2 * (2 + 0.5 * 3), 2 * (1.5 * 3 + 2)]) + len(ratios)

    def expected(positive: float, negative: float) -> float:
        return math.log((positive + 1) / sums[0] / ((negative + 1) / sums[1]))

    assert ratios[5] == pytest.approx(expected(1 + 0.5, 1.5 + 1), rel=1e-4)
    assert ratios[6] == pytest.approx(expected(0.5, 1.5), rel=1e-4)
    assert ratios[1] == 0
    assert ratios[7] == 0  # never seen
    pair = SIZE + 4 * SIZE + 5  # in the first and in the second review
    assert ratios[pair] == pytest.approx(expected(1 + 0.5, 1.5), rel=1e-4)


def test_the_network_divides_the_sum_by_the_root_of_the_count(tokens: TokenIds) -> None:
    from toolkit.networks.ngram_linear import SLOTS, LinearNetwork

    random = np.random.default_rng(1)
    ratios = random.normal(size=SIZE + SLOTS).astype(np.float32)
    network = LinearNetwork(ratios, SIZE)
    rows = tokens.padded_rows(np.arange(len(tokens)))
    assert not np.asarray(network(rows)).any()  # factors start at zero
    factors = random.normal(size=SIZE + SLOTS).astype(np.float32)
    network.factors.assign(factors)
    network.bias.assign([0.25])
    weights = ratios * factors
    for row, found in zip(ROWS, np.asarray(network(rows))[:, 0], strict=True):
        pairs = zip([0, *row], row, strict=False)
        total = sum(weights[b] + weights[SIZE + a * SIZE + b] for a, b in pairs if b > 1)
        count = sum(i > 1 for i in row)
        assert found == pytest.approx(total / math.sqrt(count + 1) + 0.25, rel=1e-5)

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from toolkit.errors import UsageError
from toolkit.training.fit import build_network
from toolkit.training.presets import DEFAULT_PRESET, PRESETS, find_preset
from toolkit.training.presets.base import Preset


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_a_preset_takes_rows_of_ids_and_gives_probabilities(preset: Preset) -> None:
    network = build_network(preset, seed=1)
    ids = np.array([[0] * preset.max_tokens, [preset.vocabulary_size - 1] * preset.max_tokens])
    probabilities = network.predict(ids.astype(np.int32), verbose=0)
    assert network.input_shape == (None, preset.max_tokens)
    assert network.input_dtype == "int32"
    assert probabilities.shape == (2, 1)
    assert probabilities.dtype == np.float32
    assert ((probabilities > 0) & (probabilities < 1)).all()
    assert network.loss == "binary_crossentropy"


@pytest.mark.parametrize(("name", "preset"), PRESETS.items(), ids=list(PRESETS))
def test_a_preset_is_registered_under_its_name(name: str, preset: Preset) -> None:
    assert preset.name == name
    assert find_preset(name) is preset


def test_conv1d_is_the_network_of_the_tutorial() -> None:
    network = build_network(PRESETS["conv1d"], seed=1)
    assert network.count_params() == 152_593
    assert [type(layer).__name__ for layer in network.layers] == [
        "Embedding",
        "Dropout",
        "Conv1D",
        "Dropout",
        "MaxPooling1D",
        "Flatten",
        "Dropout",
        "Dense",
    ]
    assert [layer.rate for layer in network.layers if "dropout" in layer.name] == [0.5] * 3
    assert type(network.optimizer).__name__ == "Adam"


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match=rf"'lstm' \(there is: .*{DEFAULT_PRESET}.*--preset"):
        find_preset("lstm")


def test_the_command_and_its_presets_are_there_without_heavy_imports() -> None:
    heavy = ("tensorflow", "keras", "sklearn", "matplotlib", "pyarrow", "numpy")
    code = f"import toolkit.commands.train, sys; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert found.strip() == "[]"

"""The network that an adaptation starts from: a shipped model, a model file or a run folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from toolkit.errors import ModelError
from toolkit.files import sha256_of
from toolkit.model.facts import StartModel
from toolkit.model.file import ModelFile
from toolkit.model.release import Release
from toolkit.model.run_folder import DEFAULT_THRESHOLD, RunFolder
from toolkit.model.shipped import find_model, is_shipped
from toolkit.model.stars import NeutralRange, StarScale
from toolkit.stores.paths import is_in_store, path_of
from toolkit.text.token_ids import TokenIds
from toolkit.text.vocabulary import Vocabulary
from toolkit.training.presets import PRESETS


@dataclass(frozen=True)
class Start:
    """A network of this toolkit, `vocabulary`, and how it reads reviews."""

    network: Any  # (batch, tokens) int32 → (batch, 1) float32
    vocabulary: Vocabulary
    vocabulary_size: int  # every token id is below it
    preset: str
    max_tokens: int
    facts: StartModel
    threshold: float = DEFAULT_THRESHOLD  # from which it calls reviews positive
    stars: StarScale | None = None
    neutral: NeutralRange | None = None
    release: Release | None = None  # what it says of itself and of what it has learned from

    @property
    def width(self) -> int | None:
        """Tokens in each row that it reads; None for any number up to `max_tokens`."""
        found: int | None = self.network.input_shape[-1]
        return found

    def encode(self, vocabulary: Vocabulary, texts: pa.ChunkedArray) -> TokenIds:
        """Give the ids that the network reads, by this vocabulary or a longer one."""
        return vocabulary.encode(texts, last=self.max_tokens).with_start(self.max_tokens)


def load_start(model: str) -> Start:
    """Load a start by its name or path; raises `ModelError` if there is none to adapt."""
    path = path_of(model)
    if not is_shipped(path) and not is_in_store(path) and RunFolder(path).config.is_file():
        return _of_run(RunFolder(path))
    return _of_file(ModelFile.load(find_model(model)))


def _of_run(run: RunFolder) -> Start:
    from toolkit.networks.network_files import graph_of_network, load_keras

    run.check()
    config = run.load_config()
    network = load_keras(run.model)
    if graph_of_network(network) is None:
        raise ModelError(
            f"{run.model}: the network {network.name} is not one of this toolkit, so it cannot be "
            "adapted. Choose another run folder or a shipped model with --from."
        )
    found = sha256_of(run.model)
    facts = StartModel(run.path.resolve().name, config.preset, found)
    vocabulary, size = run.load_vocabulary(config), config.vocabulary_size
    told = (config.usual_threshold, config.stars, config.neutral, config.start_release)
    return Start(network, vocabulary, size, config.preset, config.max_tokens, facts, *told)


def _of_file(model: ModelFile) -> Start:
    """Make the Keras network again from the graph: shipped models have no other file."""
    from toolkit.networks.network_files import network_of_graph

    why = "its graph is not as this version of the toolkit writes it"
    if model.facts.preset not in PRESETS:
        why = f"this version of the toolkit has no preset '{model.facts.preset}'"
    try:
        network = network_of_graph(model.network)
    except ValueError as error:
        network, why = None, f"damaged, {error}"
    if network is None:
        raise ModelError(
            f"{model.path}: its network cannot be adapted: {why}. Name a shipped model, or the run "
            "folder that it was exported from if that is of this version, with --from."
        )
    found = model.facts
    version = found.release.model_version
    facts = StartModel(model.name, found.preset, model.sha256, version)
    size, preset = found.vocabulary_size, found.preset
    told = (found.threshold, found.stars, found.neutral, found.release)
    return Start(network, model.vocabulary, size, preset, found.max_tokens, facts, *told)

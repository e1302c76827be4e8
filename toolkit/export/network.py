"""The Keras network as an ONNX graph: by tf2onnx, or by hand where that is faster."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import onnx

from toolkit.errors import MissingExtraError, ModelError
from toolkit.export.fold import fold
from toolkit.export.keras_file import check_keras_file, limited_memory
from toolkit.export.tables import network_of_tables
from toolkit.export.tidy import tidy
from toolkit.model.file import PROBABILITY, TOKEN_IDS
from toolkit.networks.backend import import_keras, import_tensorflow

OPSET = 18  # the newest that tf2onnx 1.17 writes; ONNX Runtime 1.14 and newer read it


def load_keras(path: Path) -> Any:
    """Read a Keras file; code inside it (a Lambda layer) is never run.

    Parameters
    ----------
    path : Path
        The ``.keras`` file.

    Returns
    -------
    Any
        A Keras model, not compiled.

    Raises
    ------
    MissingExtraError
        If TensorFlow is not installed.
    ModelError
        If there is no such file, it has more than plain layers, or Keras cannot read it.
    """
    check_keras_file(path)
    keras = import_keras()
    from toolkit.networks import ngram_cnn, ngram_linear  # noqa: F401 (their layers)

    try:
        with limited_memory(path):
            return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # noqa: BLE001 (Keras raises whatever the damage leads to)
        reason = str(error).strip().splitlines()
        raise ModelError(
            f"{path}: no model that Keras can read: {reason[0] if reason else error!r}"
        ) from None


def convert(network: Any, max_tokens: int) -> onnx.ModelProto:
    """Convert a Keras network, ids (batch, tokens) → probability (batch, 1).

    Parameters
    ----------
    network : Any
        The Keras model, which reads rows of `max_tokens` or of any length.
    max_tokens : int
        Tokens of a review that are kept.

    Returns
    -------
    onnx.ModelProto
        `token_ids`, int32[batch, tokens] → `probability`, float32[batch]; the number of tokens is
        fixed if it is in the Keras model.

    Raises
    ------
    MissingExtraError
        If tf2onnx is not installed.
    ModelError
        If the network reads rows of another length.
    """
    width = network.input_shape[-1]
    if width not in (max_tokens, None):
        raise ModelError(
            f"the network reads {width} tokens, but its config says {max_tokens}. "
            "Is it the config of another run?"
        )
    tables = network_of_tables(network)
    return fold(_by_tf2onnx(network)) if tables is None else tidy(tables)


def _by_tf2onnx(network: Any) -> onnx.ModelProto:
    tf = import_tensorflow()
    try:
        import tf2onnx
    except ModuleNotFoundError as error:
        raise MissingExtraError("train", error.name or "tf2onnx") from None
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)

    # tf2onnx 1.17 cannot convert a Keras 3 model object (tensorflow-onnx issue 2448); a function
    # works, and the dictionary it returns names the outputs.
    def forward(token_ids: Any) -> Any:
        return {PROBABILITY: tf.reshape(network(token_ids, training=False), [-1])}

    signature = [tf.TensorSpec((None, network.input_shape[-1]), tf.int32, name=TOKEN_IDS)]

    model: onnx.ModelProto
    model, _ = tf2onnx.convert.from_function(
        tf.function(forward, input_signature=signature), signature, opset=OPSET
    )
    return tidy(model)

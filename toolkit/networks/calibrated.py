"""The logit of a network: what it is, and the same network with another slope and offset of it."""

from __future__ import annotations

from typing import Any

from toolkit.networks.tables import TableLayer, keras, tf


def logits_of_network(network: Any, ids: Any) -> Any:
    """Give the logits, (batch, 1) float32, whose sigmoid a network gives for (batch, tokens) ids.

    They are exact where a float32 probability is 0 or 1. `ValueError` as for `calibrated`.
    """
    last = network.layers[-1]
    if isinstance(last, TableLayer):
        return last.logits(ids)
    _check_sigmoid(network)
    for layer in network.layers[:-1]:
        ids = layer(ids, training=False)
    return tf.matmul(ids, last.kernel) + last.bias


def calibrated(network: Any, scale: float, bias: float) -> Any:
    """Make a copy of a network whose logit is ``scale · logit + bias``.

    The copy is compiled like the network, with its optimizer. `ValueError` if the scale is not
    above 0, or the last layer is neither a table layer nor ``Dense(1, "sigmoid")``.
    """
    if not scale > 0:
        raise ValueError(f"scale: expected more than 0, received {scale}")
    made = keras.models.clone_model(network)
    made.set_weights(network.get_weights())
    if network.compiled and network.optimizer.built:
        made.optimizer.build(made.trainable_variables)
        for copy, variable in zip(
            made.optimizer.variables, network.optimizer.variables, strict=True
        ):
            copy.assign(variable)
    last = made.layers[-1]
    if isinstance(last, TableLayer):
        last.rescale(scale, bias)
        return made
    _check_sigmoid(made)
    last.kernel.assign(last.kernel * scale)
    last.bias.assign(last.bias * scale + bias)
    return made


def _check_sigmoid(network: Any) -> None:
    last = network.layers[-1]
    is_dense = isinstance(last, keras.layers.Dense)
    if not is_dense or last.get_config()["activation"] != "sigmoid":
        raise ValueError(f"{network.name}: its last layer, {last.name}, has no logit")

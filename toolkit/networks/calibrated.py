"""A network with another slope and offset of its logit."""

from __future__ import annotations

from typing import Any

from toolkit.networks.tables import TableLayer, keras


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
    elif isinstance(last, keras.layers.Dense) and last.get_config()["activation"] == "sigmoid":
        last.kernel.assign(last.kernel * scale)
        last.bias.assign(last.bias * scale + bias)
    else:
        raise ValueError(f"{network.name}: its last layer, {last.name}, has no logit")
    return made

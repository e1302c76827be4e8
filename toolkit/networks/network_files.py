"""The networks of this toolkit as ONNX graphs and back, and ``.keras`` files from anywhere.

What a Keras file holds is looked at before Keras opens it. Keras refuses Lambda layers in its safe
mode, but versions before 3.13 could still be made to import modules, to call functions, to read
other files and to make arrays of any size by what ``config.json`` and ``model.weights.h5`` say
(CVE-2025-1550, 2025-8747, 2025-9906, 2025-12058, 2026-1669). The files of `toolkit train` need
little: layers of Keras and of this toolkit, and plain arrays, all stored as they are.
"""

from __future__ import annotations

import io
import re
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import onnx

from toolkit.errors import MissingExtraError, ModelError
from toolkit.model.typed_json import LONGEST_JSON, parse_json
from toolkit.networks import import_keras

_MEMBERS = ["config.json", "metadata.json", "model.weights.h5"]  # of every file of `toolkit train`

_MORE_MEMORY = 1 << 30  # of addresses, of which threads reserve more than they use

# Where objects may come from; below `toolkit.networks`, a layer is one that is registered.
_MODULES = {"keras.constraints", "keras.initializers", "keras.layers", "keras.regularizers"}
_MODELS = {
    ("keras", "DTypePolicy"),
    ("keras", "Sequential"),
    ("keras.src.models.functional", "Functional"),
}
_OWN_MODULES = "toolkit.networks."
_OWN_PACKAGE = "review_sentiment_toolkit>"
_OWN_LAYERS = {
    *("Adapted", "ClassAdapted", "ClassLinear", "ClassRecurrent", "NgramLinear", "NgramRecurrent")
}

# Layers that run code, or open files, that the config names.
_RUN_CODE = {"FlaxLayer", "JaxLayer", "Lambda", "TFSMLayer", "TorchModuleWrapper"}
_OPEN_FILES = {"IntegerLookup", "StringLookup", "TextVectorization"}


def _networks() -> list[ModuleType]:
    """Return the modules of our networks, with `to_onnx` and `from_onnx`; they import Keras.

    To add a network, add its module; without one, the graph of tf2onnx is kept.
    """
    from toolkit.networks import class_linear, conv1d, ngram_linear, ngram_recurrent

    return [conv1d, ngram_linear, ngram_recurrent, class_linear]


def save_keras(network: Any, path: Path) -> None:
    """Write a ``.keras`` file, of the same bytes for the same network: no times, no addresses."""
    network.save(path)
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    ids: dict[bytes, bytes] = {}  # Keras gives shared objects the address of each as its number
    parts["config.json"] = re.sub(
        rb'(?<="shared_object_id": )\d+',
        lambda found: ids.setdefault(found[0], b"%d" % len(ids)),
        parts["config.json"],
    )
    parts["metadata.json"] = re.sub(
        rb'(?<="date_saved": ")[^"]+', b"1980-01-01@00:00:00", parts["metadata.json"]
    )
    with zipfile.ZipFile(path, "w") as file:
        for name, content in parts.items():
            member = zipfile.ZipInfo(name)  # of 1980, as zip archives begin then
            member.external_attr = 0o600 << 16
            file.writestr(member, content)


def graph_of_network(network: Any) -> onnx.ModelProto | None:
    """Write the graph of a Keras network, `token_ids` → `probability`; None if it is not ours."""
    from toolkit.networks import adapted, class_adapted

    graphs = (module.to_onnx(network) for module in _networks())
    found = next((graph for graph in graphs if graph is not None), None)
    if found is None:
        found = adapted.to_onnx(network, graph_of_network)
    return found or class_adapted.to_onnx(network, graph_of_network)


def network_of_graph(graph: onnx.ModelProto) -> Any:
    """Make the Keras network of a graph, `token_ids` → `probability`; None if it is not ours.

    `ValueError` if the weights do not fit together. Adapted networks are adapted again from their
    run folder, not from their graph.
    """
    # Functions of ONNX take only messages of its own classes.
    graph = onnx.ModelProto.FromString(graph.SerializeToString())
    networks = (module.from_onnx(graph) for module in _networks())
    return next((network for network in networks if network is not None), None)


def check_keras_file(path: Path) -> None:
    """Raise `ModelError` unless a file has nothing but plain layers and plain arrays."""
    config, weights = _read_archive(path)
    for entry in _objects(config):
        _check_object(entry, path)
    _check_weights(weights, path)


def load_keras(path: Path) -> Any:
    """Read a Keras file of plain layers, not compiled; else `ModelError` or `MissingExtraError`."""
    check_keras_file(path)
    keras = import_keras()
    # Keras finds our layers when they are imported.
    from toolkit.networks import class_adapted, ngram_linear, ngram_recurrent  # noqa: F401

    try:
        with _limited_memory(path):
            return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # noqa: BLE001 (Keras raises whatever the damage leads to)
        reason = str(error).strip().splitlines()
        raise ModelError(
            f"{path}: Keras cannot read this model: {reason[0] if reason else error!r}"
        ) from None


@contextmanager
def _limited_memory(path: Path) -> Iterator[None]:
    """Let the block take little more memory than a file warrants, where the system can do so.

    A layer has the size that `config.json` says, and is made before its weights are read. This
    holds for the whole process, so it is for commands that do one thing.
    """
    if sys.platform != "linux":
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most = taken + _MORE_MEMORY + 8 * path.stat().st_size
    if before[0] == resource.RLIM_INFINITY or most < before[0]:
        resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _read_archive(path: Path) -> tuple[dict[str, Any], bytes]:
    """Return the config and the weights of an archive of just these members, uncompressed."""
    if not path.is_file():
        raise ModelError(f"{path}: no such Keras file")
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive, path)
            config, _ = (_json(archive, name, path) for name in _MEMBERS[:2])
            return config, archive.read(_MEMBERS[2])
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, ValueError) as error:
        # A RuntimeError is encryption.
        raise ModelError(f"{path}: not a Keras file, or a damaged one: {error}") from None


def _check_members(archive: zipfile.ZipFile, path: Path) -> None:
    names = archive.namelist()
    if sorted(names) != _MEMBERS:
        raise ModelError(
            f"{path}: expected the members {', '.join(_MEMBERS)}, "
            f"found {', '.join(names[:10]):.200}"
        )
    for entry in archive.infolist():
        if entry.compress_type != zipfile.ZIP_STORED:
            raise ModelError(f"{path}: {entry.filename} is compressed, which Keras never does")


def _json(archive: zipfile.ZipFile, name: str, path: Path) -> dict[str, Any]:
    if archive.getinfo(name).file_size > LONGEST_JSON:
        raise ModelError(f"{path}: {name} is too large for a network")
    content = parse_json(archive.read(name))
    if not isinstance(content, dict):
        raise ModelError(f"{path}: {name} is not a JSON object")
    return content


def _objects(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Everything in a config that Keras would make an object of; nothing is compiled."""
    yield config
    left: list[Any] = [value for key, value in config.items() if key != "compile_config"]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                yield value
            left += value.values()
        elif isinstance(value, list):
            left += value


def _check_object(entry: dict[str, Any], path: Path) -> None:
    name, module, registered = (
        str(entry.get(key)) for key in ("class_name", "module", "registered_name")
    )
    if name == "__keras_tensor__":  # between two layers: a shape
        return
    is_own = module.startswith(_OWN_MODULES) and registered == _OWN_PACKAGE + name
    is_unsafe = name in _RUN_CODE | _OPEN_FILES
    is_of_keras = module in _MODULES and name[:1].isupper() and not is_unsafe
    if not (is_own or is_of_keras or (module, name) in _MODELS):
        raise ModelError(
            f"{path}: has the class {name:.60} of {module:.60}, expected only layers of Keras and "
            "of this toolkit, as code in a file is never run"
        )
    if is_own and name not in _OWN_LAYERS:
        raise ModelError(
            f"{path}: has a layer {name:.60}, which this version of the toolkit does not have. "
            "Use the model file that was exported from it, which still works, or train again."
        )


def _check_weights(content: bytes, path: Path) -> None:
    try:
        import h5py
    except ModuleNotFoundError:
        raise MissingExtraError("train", "h5py") from None

    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            for name, dataset in _datasets(file, path):
                if dataset.external or dataset.is_virtual:
                    raise ModelError(f"{path}: the weights {name:.200} are stored outside the file")
                is_plain = dataset.dtype.kind in "biuf"
                if not is_plain or dataset.nbytes > dataset.id.get_storage_size():
                    raise ModelError(f"{path}: the weights {name:.200} are not a plain array")
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise ModelError(f"{path}: damaged weights: {error}") from None


def _datasets(file: Any, path: Path) -> Iterator[tuple[str, Any]]:
    import h5py

    groups = [file]
    seen = {h5py.h5o.get_info(file.id).addr}
    while groups:
        group = groups.pop()
        for name in group:
            place = f"{group.name.rstrip('/')}/{name}"
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ModelError(f"{path}: the weights {place:.200} are a link")
            member = group[name]
            address = h5py.h5o.get_info(member.id).addr
            if address in seen:
                raise ModelError(f"{path}: the weights {place:.200} are stored twice")
            seen.add(address)
            if isinstance(member, h5py.Group):
                groups.append(member)
            else:
                yield place, member

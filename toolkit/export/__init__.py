"""Keras → ONNX: the text front end, the conversion, and the proof that the two agree."""

from toolkit.errors import MissingExtraError

MissingExtraError.check(None, "onnx")  # before the modules that import it

from toolkit.export.export_run import ExportResult, export  # noqa: E402
from toolkit.export.hub import export_to_hub  # noqa: E402
from toolkit.export.quantize import QuantizeResult, export_quantized  # noqa: E402
from toolkit.export.twin import export_twin  # noqa: E402

__all__ = [
    "ExportResult",
    "QuantizeResult",
    "export",
    "export_quantized",
    "export_to_hub",
    "export_twin",
]

"""Keras → ONNX: the text front end, the conversion, and the proof that the two agree."""

from toolkit.export.export_run import ExportResult, export
from toolkit.export.quantization_loss import QuantizationOptions

__all__ = ["ExportResult", "QuantizationOptions", "export"]

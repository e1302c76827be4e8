"""Keras → ONNX: the text front end, the conversion, and the proof that the two agree."""

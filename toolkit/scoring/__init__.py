"""Scoring reviews with ONNX Runtime and Arrow; nothing here needs TensorFlow."""

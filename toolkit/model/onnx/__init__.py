"""ONNX files: their messages and operators, the guard that checks them, and parts of a graph."""

"""One network per file: its Keras layers, how it is frozen, and its ONNX graph.

Importing this package needs no Keras; importing a network of tables does.
"""

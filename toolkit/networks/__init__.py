"""One network a file: its Keras layers, how it is frozen, and its ONNX graph.

The networks of tables are Keras models of (batch, any length) token ids, with which the export
proves parity. Importing this package needs no Keras; importing a network of tables does.
"""

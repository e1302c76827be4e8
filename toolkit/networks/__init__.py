"""Networks that are ready to score: fixed tables of small integers, made by a training.

They are Keras models of (batch, any length) token ids, and what the export proves parity against.
Importing this needs no Keras; importing a module in it does.
"""

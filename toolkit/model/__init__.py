"""The model file: its facts, its vocabulary and network, scores, explanations and descriptions."""

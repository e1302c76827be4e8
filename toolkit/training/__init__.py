"""From labelled reviews to a run folder.

reviews (`sources`) → fitted and held-out part (`split`) → vocabulary and token ids (`arrays`) →
network (`presets`, `fit`) → run folder (`write`); `train.train` goes the whole way.
"""

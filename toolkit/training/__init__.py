"""From labelled reviews to a run folder: `run.train` goes the whole way.

reviews (`data`, `sources`) → fitted and held-out part (`split`) → network (`fit_padded`,
`fit_ngrams`) → scores (`result`, `calibration`) → run folder (`run_writer`); or, from a trained
network, `adapt.adapt`
"""

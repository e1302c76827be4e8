"""From labelled reviews to a run folder: `train.train` goes the whole way.

reviews (`data`, `sources`) → fitted and held-out part (`split`) → network (`fit_padded`,
`fit_ngrams`) → scores (`result`, `calibration`, `star_scale`) → run folder
(`run_writer`); or, from a trained network, `adapt.adapt`
"""

"""From labelled reviews to a run folder: `train.train` goes the whole way.

reviews (`sources`, `read_data`) → fitted and held-out part (`split`) → network (`recipes`) → scores
(`result`, `calibration`) → run folder (`run_writer`)
"""

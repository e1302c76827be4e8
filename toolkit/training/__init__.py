"""From labelled reviews to a run folder.

reviews (`sources`, `read_data`) → fitted and held-out part (`split`, `data`) → network (`presets`,
fitted by `recipes`) → scores (`result`, `calibration`) → run folder (`run_writer`);
`train.train` goes the whole way.
"""

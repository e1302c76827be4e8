"""Adapting a trained network to few labelled reviews of a user: `run.adapt` goes the whole way.

The logit becomes a · z + b + w · x, with z the logit of the start and x the words of the review.
The weights are the most probable ones (maximum a posteriori) under normal priors around a = 1, the
log-odds of the labels for b, and w = 0: few reviews change little else than what is frequent.

the start (`start`) → its logits and the words of the reviews (`words`) → cross-validated candidates
(`choice`), each fitted by `fit` → network and run folder (`run`)
"""

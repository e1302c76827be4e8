"""Train from labelled reviews to a run folder: `run.train` does all of it.

reviews (`data`, `sources`) → fitted and held-out part (`split`) → network (`fit_padded`,
`fit_ngrams`) → scores (`result`, `calibration`) → run folder (`write`)

`adapt.adapt` starts from a trained network instead, and `class_run` trains classes of the user's
own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.lazy import late_names

if TYPE_CHECKING:
    from toolkit.training.options import SplitKind, TrainingObserver, TrainingOptions
    from toolkit.training.presets import PRESETS, Preset, find_preset
    from toolkit.training.result import TrainingResult
    from toolkit.training.reviews import Reviews, UnlabelledReviews
    from toolkit.training.run import train
    from toolkit.training.teacher import Matches, fingerprint, load_teacher

__all__ = [
    "PRESETS",
    "Matches",
    "Preset",
    "Reviews",
    "SplitKind",
    "TrainingObserver",
    "TrainingOptions",
    "TrainingResult",
    "UnlabelledReviews",
    "find_preset",
    "fingerprint",
    "load_teacher",
    "train",
]

_MODULES = {
    "options": ("SplitKind", "TrainingObserver", "TrainingOptions"),
    "presets": ("PRESETS", "Preset", "find_preset"),
    "reviews": ("Reviews", "UnlabelledReviews"),
    "result": ("TrainingResult",),
    "run": ("train",),
    "teacher": ("Matches", "fingerprint", "load_teacher"),
}
__getattr__ = late_names(__name__, _MODULES)

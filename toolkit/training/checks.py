"""What can be known to go wrong before the long work of a training."""

from __future__ import annotations

from pathlib import Path

from toolkit.errors import MissingExtraError, UsageError
from toolkit.files import check_output, is_in_store, path_of
from toolkit.model.run_folder import RunFolder
from toolkit.text.strings import is_unicode
from toolkit.training.options import RUNS, TrainingOptions
from toolkit.training.sources import IMDB, check_columns, check_test_part


def check_options(options: TrainingOptions) -> None:
    """Raise `ToolkitError` for what would otherwise only show in the middle or at the end."""
    MissingExtraError.check("train", "tensorflow", "keras", "sklearn", "matplotlib")
    _check_names(options)
    _check_run(options)
    check_columns(
        options.reading,
        options.data,
        options.test_data,
        options.unlabelled,
        options.teachers,
        options.validation_data,
    )
    if options.test:
        check_test_part(options.data, options.test_data)


def _check_names(options: TrainingOptions) -> None:
    """Refuse paths that cannot be printed, recorded, or given to TensorFlow."""
    paths = [options.run, *options.unlabelled, *options.teachers]
    if options.data != IMDB:
        paths.append(path_of(options.data))
    paths += [path for path in (options.test_data, options.validation_data) if path is not None]
    for path in paths:
        # Resolved, too: the folder `.` has a name.
        for name in (str(path), str(path.resolve())):
            if not is_unicode(name):
                raise UsageError(f"{name!a}: this path is not UTF-8. Rename it, or choose another.")


def _check_run(options: TrainingOptions) -> None:
    if is_in_store(options.run):
        raise UsageError(f"{options.run}: a run folder has to be on this machine.")
    if options.run.parent == RUNS and not RUNS.exists():
        check_output(RUNS, force=False)  # it is made when there is something to put into it
        return
    if Path.cwd().is_relative_to(options.run.resolve()):
        raise UsageError(
            f"{options.run}: is the current folder, or one around it, and cannot be replaced. "
            "Choose another place with --output."
        )
    check_output(options.run, force=options.force)
    path = options.run
    # `--force` must not cost a project.
    if path.is_dir() and any(path.iterdir()) and not RunFolder(path).config.is_file():
        raise UsageError(
            f"{path}: is not a run folder, so --force does not replace it. "
            "Choose another place with --output."
        )
    if path.is_file():
        raise UsageError(f"{path}: is a file. Choose another place with --output.")

"""What is kept of a run until it is done, so that a later run can resume."""

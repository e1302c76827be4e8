"""From two models, and files of reviews of any size, to what changes from one to the other."""

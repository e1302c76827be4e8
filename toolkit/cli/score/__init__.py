"""`toolkit score` and `toolkit finish`: what they ask for, do with a job, print and report."""

"""Programs that `toolkit score` is compared with, each as one would write it for the job."""

#!/bin/sh
#SBATCH --array=0-15
#SBATCH --cpus-per-task=4
#SBATCH --requeue
set -eu
toolkit score reviews.csv -o scored/ --shard "$SLURM_ARRAY_TASK_ID/16" --workers 4 -q

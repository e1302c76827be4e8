#!/bin/sh
# Score reviews.csv in 4 shards on one machine, 2 at a time: sh loop.sh
set -eu
seq 0 3 | xargs -P 2 -I{} toolkit score reviews.csv -o scored/ --shard {}/4 --workers 1 -q
toolkit finish scored/

#!/bin/sh
# Score reviews.csv on the Ray cluster at RAY_ADDRESS, else on this machine: sh ray.sh
set -eu
toolkit score reviews.csv -o scored/ --engine ray --resume

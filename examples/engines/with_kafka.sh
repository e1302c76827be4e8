#!/bin/sh
# Kafka, by kcat: sh with_kafka.sh SCORED/: scores the messages that have come since the last run.
#
# KCAT is how your topic is read, such as `kcat -b HOST -t reviews -p 0`. Each run writes a file with
# the offset of its first message as its name. It appears when it is complete; a run that was killed
# has left none, and the next one reads the same messages.
set -eu
mkdir -p "$1"
# A file in which all messages are rejects is empty, and is made again with those that come later.
last=$(find "$1" -name '*[0-9].jsonl' -size +0 | sort | tail -n 1)
next=0
if [ "$last" ]; then
    next=$(($(tail -n 1 "$last" | sed 's/.*"offset": *\([0-9]*\).*/\1/') + 1))
fi
${KCAT} -C -q -e -J -o "$next" | {
    IFS= read -r first || exit 0 # nothing new
    { printf '%s\n' "$first" && cat; } | toolkit score - --format jsonl --text-column payload \
        -o "$1/$(printf %020d "$next").jsonl" --force --log-format json --workers 1
}

"""The time zones of times in a column of dates: a column that mixes them needs a warning.

A row counts on the day that is written. If zones differ, rows of the same hour may have two days.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

WITHOUT_ZONE = ""
_UTC = "+00:00"
_AFTER_TIME = r"[T ]\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)? *(?:[AaPp]\.?[Mm]\.?(?: +|$))?(?P<zone>.*)$"
_OFFSET = re.compile(r"^(?:UTC|GMT)? ?([+-])(\d\d?):?(\d\d)?$")
_NAME = re.compile(r"^\(?([A-Z]{1,5}|[A-Za-z_]+/[A-Za-z_/]+)\)?$")
_OFFSET_AND_NAME = re.compile(r"^(\S+) ?[\[(].*[\])]$")
_MOST_SHOWN = 3  # zones


def count_zones(words: pa.LargeStringArray) -> Counter[str]:
    """Count the zones of dates with a time: an offset such as +02:00, a name such as EST, or ""."""
    after = pc.struct_field(pc.extract_regex(words, _AFTER_TIME), "zone")
    zones: Counter[str] = Counter()
    for each in pc.value_counts(after.drop_null()).to_pylist():
        zones[_zone(each["values"])] += each["counts"]
    return zones


def _zone(written: str) -> str:
    """Return one spelling of a zone: Z, UTC, GMT and +0000 are +00:00. Other text is no zone."""
    if both := _OFFSET_AND_NAME.match(written):
        written = both[1]
    if written.upper() in ("Z", "UTC", "GMT"):
        return _UTC
    if offset := _OFFSET.match(written):
        sign, hours, minutes = offset.groups()
        found = f"{sign}{int(hours):02}:{minutes or '00'}"
        return _UTC if found == "-00:00" else found
    name = _NAME.match(written)
    return name[1] if name else WITHOUT_ZONE


def zones_warning(zones: Mapping[str, int]) -> str | None:
    """Return the warning that a column mixes time zones, or None.

    Two offsets an hour apart are no mix: they are summer and winter of one place.
    """
    if len(zones) < 2 or _is_one_place([*zones]):
        return None
    by_count = sorted(zones, key=lambda zone: (-zones[zone], zone))
    shown = [f"{zones[zone]:,} with {zone}" for zone in by_count if zone][:_MOST_SHOWN]
    more = len([*filter(None, zones)]) - len(shown)
    shown += [f"{more:,} more zones"] if more else []
    shown += [f"{zones[WITHOUT_ZONE]:,} without one"] if WITHOUT_ZONE in zones else []
    return (
        f"the times are in different time zones: {', '.join(shown)}. Each row counts on the day "
        "that is written: rows near midnight may be a day off. If this matters, convert the times "
        "to one zone."
    )


def _is_one_place(zones: list[str]) -> bool:
    minutes = sorted(
        int(f"{zone[0]}1") * (int(zone[1:3]) * 60 + int(zone[4:])) for zone in zones if ":" in zone
    )
    return len(minutes) == len(zones) == 2 and minutes[1] - minutes[0] == 60

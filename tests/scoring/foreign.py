"""Short reviews in other languages, and columns that hold no reviews, all written for the tests."""

from __future__ import annotations

from pathlib import Path

_REVIEWS = Path(__file__).with_name("foreign.txt")  # after a heading for each language

FOREIGN = {
    language: lines
    for language, _, lines in (
        part.strip("\n").partition("\n")
        for part in _REVIEWS.read_text(encoding="utf-8").split("# ")[1:]
    )
}

WRONG_COLUMNS = {
    "numbers": "1 5 4.0 12,345 3 2 10 7.5 100 0",
    "dates": "2023-01-04 01/02/2019 1999-12-31T23:59:59Z 2020 05.06.2021 2022-02-02",
    "ids": "B000123XYZ AF3G9ZK2 R1A2B3C4D5 user_18273 tt0111161 0xdeadbeef B00004CXX9",
    "rare emoji": "🦔🦔 🪗🪗🪗 🛞 🪤",  # common ones are words that models know
}


def lines_of(language: str) -> list[str]:
    """The reviews in a language."""
    return FOREIGN[language].splitlines()

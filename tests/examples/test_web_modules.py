"""Modules of the page that need no browser."""

from __future__ import annotations

import subprocess

import pytest

from tests.examples.web_page import WEB
from tests.tools import need

pytestmark = pytest.mark.tools


def printed(script: str) -> str:
    """What Node prints for a script in the folder of the page."""
    need("node")
    command = ["node", "--input-type=module", "--eval", script]
    return subprocess.run(command, cwd=WEB, capture_output=True, text=True, check=True).stdout


def test_texts_that_were_overtaken_are_left_out() -> None:
    """Of those that came while one was scored, the last alone is."""
    script = """
        import { latestOnly } from "./src/latest.js";
        const [shown, answers] = [[], []];
        const score = latestOnly(
            () => new Promise(resolve => answers.push(resolve)), result => shown.push(result));
        for (const text of "abc") score(text);
        for (const result of "AC") {
            answers.shift()(result);
            await new Promise(resolve => setTimeout(resolve));
        }
        console.log(shown.join(), answers.length);
    """
    assert printed(script) == "A,C 0\n"


@pytest.mark.parametrize(
    ("threshold", "words"),
    [
        (0.5, "below \u22120.4 is bad, above +0.4 is good, the rest is neutral"),
        (0.05, "above \u22121.7 is good, the rest is neutral"),
        (0.95, "below +1.7 is bad, the rest is neutral"),
    ],
)
def test_a_threshold_near_an_end_has_one_limit(threshold: float, words: str) -> None:
    script = f"""
        import {{ limitsInWords }} from "./src/word_sum.js";
        const facts = {{ labels: ["bad", "good"], neutral: null, threshold: {threshold} }};
        console.log(limitsInWords(facts));
    """
    assert printed(script) == f"{words}\n"

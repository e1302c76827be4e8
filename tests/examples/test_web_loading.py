"""The page of `examples/web` while its model is loaded."""

from __future__ import annotations

from typing import Any

import pytest

from tests.examples.conftest import opened
from tests.examples.web_page import PATIENCE, page_scores

pytestmark = pytest.mark.tools

SHIFTS = """() => new Promise(resolve => new PerformanceObserver(list => resolve(
    list.getEntries().reduce((sum, { value }) => sum + value, 0)
)).observe({ type: "layout-shift", buffered: true }) || setTimeout(() => resolve(0), 500))"""


@pytest.mark.parametrize("stopped", [False, True])
def test_a_file_that_comes_before_the_model_waits_for_it(
    browser: Any, address: str, stopped: bool
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    page.route("**/reviews.onnx.gz", hold)
    page.goto(address)
    while not held:
        page.wait_for_timeout(20)
    file = {"name": "early.csv", "mimeType": "", "buffer": b"text\na superb film\n"}
    page.set_input_files("#file", file)
    page.wait_for_selector("#done:text-is('Waiting for the model')")
    if stopped:
        page.click("#stop")
        page.wait_for_selector("#progress", state="hidden")
    held.pop().continue_()
    page.wait_for_selector("html[data-state=ready]")
    if stopped:
        page_scores(page, ["asked after the file"])
        assert page.is_hidden("#progress")
        assert page.is_hidden("#result")
        page.set_input_files("#file", file)
    page.wait_for_selector("#result h3:has-text('early.csv')")
    context.close()


def test_nothing_moves_while_the_model_is_loaded(browser: Any, address: str) -> None:
    with opened(browser, address) as tab:
        assert tab.page.evaluate(SHIFTS) < 0.001

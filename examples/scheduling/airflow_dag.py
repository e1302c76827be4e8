"""Airflow: scores the new reviews each night. Put this file into the folder of the DAGs."""

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import dag, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

FOLDER = Path(os.environ.get("REVIEWS", "/var/lib/reviews"))
CALL = "toolkit score in/ -o scored/ --skip-existing --resume --max-rejected 1% --quiet"


@task(retries=3, retry_delay=timedelta(minutes=5))
def score() -> dict[str, Any]:
    report = FOLDER / "reports" / f"{get_current_context()['run_id']}.json"
    report.parent.mkdir(exist_ok=True)
    command = [*CALL.split(), "--report", str(report)]
    code = subprocess.run(command, cwd=FOLDER, check=False).returncode  # noqa: S603
    if code == 2:
        raise AirflowFailException("the call is wrong: see the line above")  # not tried again
    if code not in (0, 3):  # 3 is for a call without --max-rejected
        raise RuntimeError(f"exit code {code}: see the line above")
    done = json.loads(report.read_bytes())
    return {key: done[key] for key in ("run_id", "records", "scored", "rejected", "warnings")}


@dag(
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
)
def score_reviews() -> None:
    score()


score_reviews()

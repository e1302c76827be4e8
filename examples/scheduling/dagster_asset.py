"""Dagster: the scored reviews as an asset, each night: dagster dev -f dagster_asset.py."""

import json
import os
import subprocess
from pathlib import Path

from dagster import (
    AssetExecutionContext,
    Definitions,
    Failure,
    MaterializeResult,
    RetryPolicy,
    ScheduleDefinition,
    asset,
)

FOLDER = Path(os.environ.get("REVIEWS", "/var/lib/reviews"))
CALL = "toolkit score in/ -o scored/ --skip-existing --resume --max-rejected 1% --quiet"


@asset(retry_policy=RetryPolicy(max_retries=3, delay=300))
def scored_reviews(context: AssetExecutionContext) -> MaterializeResult:
    report = FOLDER / "reports" / f"{context.run_id}.json"
    report.parent.mkdir(exist_ok=True)
    command = [*CALL.split(), "--report", str(report)]
    code = subprocess.run(command, cwd=FOLDER, check=False).returncode  # noqa: S603
    if code not in (0, 3):  # 3 is for a call without --max-rejected
        # A wrong call is not tried again.
        raise Failure(f"exit code {code}: see the log of errors", allow_retries=code != 2)
    done = json.loads(report.read_bytes())
    metadata = {key: done[key] for key in ("records", "scored", "rejected", "warnings")}
    return MaterializeResult(metadata=metadata | {"report": str(report)})


definitions = Definitions(
    assets=[scored_reviews],
    schedules=[ScheduleDefinition("night", target=[scored_reviews], cron_schedule="30 2 * * *")],
)

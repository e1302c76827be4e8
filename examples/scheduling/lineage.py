"""The two events of OpenLineage of a run: python lineage.py report.json.

They go to OPENLINEAGE_URL, or where other settings of the client say. Start it in the working
folder of the run.
"""

import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import error_message_run, output_statistics_output_dataset

error_of = error_message_run.ErrorMessageRunFacet
statistics_of = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet


def name_of(path: str) -> tuple[str, str]:
    """Give the namespace and the name that OpenLineage has for a file or an object."""
    uri = urlsplit(path)
    if not uri.netloc:
        return "file", str(Path(path).absolute())
    return f"{uri.scheme}://{uri.netloc}", uri.path.removeprefix("/")


report = json.loads(Path(sys.argv[1]).read_bytes())
client = OpenLineageClient()
run, job = Run(report["run_id"]), Job("reviews", "toolkit score")
start = RunEvent(eventTime=report["started"], eventType=RunState.START, run=run, job=job)
client.emit(start)
end = RunEvent(eventTime=report["ended"], eventType=RunState.COMPLETE, run=run, job=job)
if report["error"]:
    end.eventType = RunState.FAIL
    run.facets = {"errorMessage": error_of(report["error"], "Python")}
for file in report["files"]:
    if file["status"].startswith("done"):
        rows = statistics_of(rowCount=file["records"] - file["rejected"])
        end.inputs.append(InputDataset(*name_of(file["input"])))
        end.outputs.append(OutputDataset(*name_of(file["output"]), {"outputStatistics": rows}))
client.emit(end)

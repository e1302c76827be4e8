"""Metrics of a run for Prometheus: python metrics.py report.json toolkit.prom.

The second file is one for the textfile collector of node_exporter.
"""

import json
import sys
from datetime import datetime
from pathlib import Path

report = json.loads(Path(sys.argv[1]).read_bytes())
counts = ("records", "scored", "positive", "rejected", "without_text", "unsure", "seconds")
lines = [f"toolkit_{name} {report[name]}" for name in counts if name in report]
lines.append(f"toolkit_exit_code {report['exit_code']}")
ended = datetime.fromisoformat(report["ended"]).timestamp()
lines.append(f"toolkit_ended_seconds {ended}")  # since 1970; old where a run left no report
for tenth, count in enumerate(report.get("probability_tenths", ())):
    lines.append(f'toolkit_scores{{from="{tenth / 10}"}} {count}')
partial = Path(f"{sys.argv[2]}.partial")
partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
partial.replace(sys.argv[2])

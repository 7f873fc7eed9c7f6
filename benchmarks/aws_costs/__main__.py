"""What jobs cost on AWS, and where the ceilings are: counted, not timed.

    PYTHONPATH=. python -m benchmarks.aws_costs           drive everything (about ten minutes), keep the counts in counts.json beside
                                                          this file, write docs/aws-costs.md
    PYTHONPATH=. python -m benchmarks.aws_costs PART …    only some parts (`PARTS`) anew, none: write the document from the counts

The engine's own code runs against DynamoDB Local and counting stand-ins (`world`), workers on a virtual clock (`worker`).
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.aws_costs import report, scenarios

ROOT = Path(__file__).resolve().parents[2]
COUNTS, DOCUMENT = Path(__file__).with_name("counts.json"), ROOT / "docs" / "aws-costs.md"
RATES = ((1.0, 4), (100.0, 4), (6000.0, 48), (12000.0, 96))
"""(jobs a second, shards of the stream)"""
PARTS: dict[str, Callable[[], Any]] = {
    "looks": scenarios.looks,
    "contention": lambda: [scenarios.contention(shards) for shards in (1, 4, 16, 48, 96)],
    "single-5ms": lambda: scenarios.singles(1000, 8, 500.0, 4, 0.005, RATES),
    "single-1s": lambda: scenarios.singles(300, 60, 50.0, 4, 1.0),
    "array-5ms": lambda: scenarios.array(0.005, 16),
    "array-100ms": lambda: scenarios.array(0.1, 4),
    "array-1s": lambda: scenarios.array(1.0, 2),
    "array-60s": lambda: scenarios.array(60.0, 1),
}


def drive(part: str) -> None:
    """Drive a part and keep its counts."""
    began = time.monotonic()
    found = PARTS[part]()
    counts = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    counts |= {part: found, "date": time.strftime("%B %Y")}
    COUNTS.write_text(json.dumps(counts, indent=1, sort_keys=True) + "\n")
    sys.stderr.write(f"{part}: driven in {time.monotonic() - began:.0f} s\n")


def main(asked: list[str]) -> None:
    """Drive the parts that are asked for, all if none are, and write the document."""
    parts = [part for part in asked or PARTS if part != "none"]
    if len(parts) == 1:
        drive(parts[0])
    else:
        for part in parts:  # in processes of their own: DynamoDB Local becomes slow with what its streams have kept
            subprocess.run([sys.executable, "-m", "benchmarks.aws_costs", part], check=True, cwd=ROOT)
    DOCUMENT.write_text(report.text(json.loads(COUNTS.read_text())))


if __name__ == "__main__":
    main(sys.argv[1:])

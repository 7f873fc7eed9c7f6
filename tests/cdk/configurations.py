"""Configurations for tests: a small one that is right, written to a directory, with single things changed."""

import json
from pathlib import Path
from typing import Any

Files = dict[str, Any]
"""Name of a file -> what is in it; a text is written as it is, None: there is no such file."""
SMALL: Files = {
    "settings.json": {"stack_settings": {"stack_name": "grid", "account": "123456789012"}},
    "regions.json": {"regions": [{"region": "eu-west-1", "main_region": "True", "cidr": "10.0.0.0/16"}]},
    "clusters.json": {"clusters": [{"clusterName": "big"}]},
    "queues.json": {"queues": [{"queue_name": "fast", "computeEnvironment": "big"}]},
    "images.json": {"images": []},
    "job_definitions.json": {"jobDefinitions": [{"jobDefinitionName": "run", "image_uri": "debian:12"}]},
}


def write(folder: Path, **changed: Any) -> str:
    """A directory with the small configuration; changed: stem of a file -> what it has instead."""
    folder.mkdir(exist_ok=True)
    for name, content in {**SMALL, **{f"{stem}.json": content for stem, content in changed.items()}}.items():
        if content is not None:
            (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return str(folder)

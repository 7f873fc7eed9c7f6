"""Assets of templates in the buckets of the CDK's bootstrap: each file once per region, whatever number of stacks needs it."""

import threading
from collections.abc import Iterable
from pathlib import Path

from cyclone_core.aws import storage
from cyclone_core.aws.account import Account
from cyclone_core.infra import bootstrap
from cyclone_core.infra.synth_cache import Asset


class Uploads:
    """What was brought where while one plan is applied. Threads share it."""

    def __init__(self, account: Account, number: str) -> None:
        """number: of the account."""
        self._account, self._number = account, number
        self._turns: dict[tuple[str, str], threading.Lock] = {}
        self._brought: set[tuple[str, str]] = set()

    def has_bucket(self, region: str) -> bool:
        """Whether the region is bootstrapped. Raises AwsError."""
        return storage.has_bucket(self._account, region, bootstrap.bucket(self._number, region))

    def bring(self, region: str, assets: Iterable[Asset]) -> str:
        """Upload what is not there yet; the name of the bucket. Raises AwsError and OSError."""
        bucket = bootstrap.bucket(self._number, region)
        for asset in assets:
            with self._turns.setdefault((region, asset.key), threading.Lock()):  # atomic
                if (region, asset.key) not in self._brought:
                    storage.upload(self._account, region, bucket, asset.key, Path(asset.path))
                    self._brought.add((region, asset.key))
        return bucket

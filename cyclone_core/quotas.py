"""How much of something an account may have, and how much of it is needed: values that plans, forms and AWS's limits share. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Quota:
    """How much of something there is and may be."""

    used: int | None
    """None where it could not be counted"""
    limit: int | None
    """None where nobody says"""

    @property
    def left(self) -> int | None:
        """How many more there may be; None where that is unknown."""
        return None if self.limit is None or self.used is None else max(0, self.limit - self.used)


@dataclass(frozen=True)
class Need:
    """What a plan takes of a quota in a region."""

    region: str
    what: str
    """such as `VPCs`"""
    count: int
    """how many more than now; of vCPUs, how many there may be at once"""
    quota: Quota
    service: str = ""
    code: str = ""
    """how Service Quotas calls it; "" for one that AWS raises for nobody"""
    stops: bool = True
    """whether stacks fail without it; else there is less capacity than asked for, which is worth knowing"""

    @property
    def is_short(self) -> bool:
        """Whether there is too little; False where nobody knows."""
        if not self.stops:
            return self.quota.limit is not None and self.count > self.quota.limit
        return self.quota.left is not None and self.count > self.quota.left

    @property
    def wanted(self) -> int:
        """How large the quota has to be."""
        return self.count if not self.stops else self.count + (self.quota.used or 0)

    @property
    def request(self) -> str:
        """The command that asks AWS for it, "" where nobody gets more."""
        if not self.code:
            return ""
        what = f"--service-code {self.service} --quota-code {self.code} --desired-value {self.wanted}"
        return f"aws service-quotas request-service-quota-increase --region {self.region} {what}"

    @property
    def page(self) -> str:
        """Where the same is asked for in a browser, "" where nobody gets more."""
        if not self.code:
            return ""
        return f"https://{self.region}.console.aws.amazon.com/servicequotas/home/services/{self.service}/quotas/{self.code}"

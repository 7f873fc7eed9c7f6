"""What a resource costs, as a value that a review shows before anything is made. Local hosts cost nothing in any cloud."""

from dataclasses import dataclass

from cyclone_core.resources import Host


@dataclass(frozen=True)
class Cost:
    """From nothing running to everything running, for a month of 730 hours."""

    idle_month: float = 0.0
    """While nothing runs, in `currency`."""
    most_month: float = 0.0
    """With everything that may run, all month."""
    currency: str = "USD"
    priced_on: str = ""
    """ISO date of the prices, "" where there are none."""
    note: str = ""
    """What the numbers do not say."""

    @property
    def text(self) -> str:
        """One line."""
        if not self.priced_on:
            return self.note
        numbers = f"{self.idle_month:,.2f} {self.currency} a month idle, at most {self.most_month:,.2f} {self.currency}"
        return f"{numbers} (prices of {self.priced_on}){'; ' + self.note if self.note else ''}"


def estimate(host: Host, kind: str) -> Cost:
    """What a resource of a kind costs on a host."""
    if host.type == "local":
        return Cost(note="no cloud cost: it runs on this machine")
    return Cost(note=f"what a {kind} costs on AWS is told once nothing stands against the plan")

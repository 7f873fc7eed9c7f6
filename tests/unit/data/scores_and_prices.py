"""Makes `scores_and_prices.csv` beside it, a day of six regions as the router sees it: `python tests/unit/data/scores_and_prices.py`.

Nothing of it was measured. It is like what is documented (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-placement-score.html,
using-spot-instances-history.html there): a score is a whole number from 1 to 10, here lower in a region's working hours and off by
one now and then; a spot price changes some times a day by a few per cent around a level of its region. Two things happen beside that:
us-east-1 costs three times as much from minute 300 to 420, and the score of eu-west-1 collapses from minute 600 to 840.
"""

import math
import random
from pathlib import Path

REGIONS = {  # score at night, dollars of a vCPU hour, hours ahead of UTC
    "ap-south-1": (7.0, 0.0148, 5.5),
    "eu-north-1": (8.2, 0.0131, 1.0),
    "eu-west-1": (8.0, 0.0196, 0.0),
    "sa-east-1": (4.5, 0.0243, -3.0),
    "us-east-1": (8.6, 0.0172, -5.0),
    "us-west-2": (7.6, 0.0185, -8.0),
}


def main() -> None:
    """Write the day, a look each ten minutes."""
    dice = random.Random(20_261_123)
    usd = {region: price for region, (_, price, _) in REGIONS.items()}
    lines = ["# made by scores_and_prices.py, which says what it is like", "minute,region,score,spot_usd"]
    for minute in range(0, 1440, 10):
        for region, (night, price, ahead) in REGIONS.items():
            at_work = max(0.0, math.sin(((minute / 60 + ahead) % 24 - 7) / 12 * math.pi))
            score = 1.2 if region == "eu-west-1" and 600 <= minute < 840 else night - 1.2 * at_work
            if dice.random() < 0.04:
                usd[region] += 0.5 * (price - usd[region]) + price * dice.uniform(-0.04, 0.04)
            spike = 3 if region == "us-east-1" and 300 <= minute < 420 else 1
            shown = min(10, max(1, round(score + dice.uniform(-0.8, 0.8))))
            lines.append(f"{minute},{region},{shown},{usd[region] * spike:.4f}")
    Path(__file__).with_suffix(".csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

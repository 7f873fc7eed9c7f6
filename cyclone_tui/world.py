"""The world as a map of characters: where AWS's regions are, the outlines of the land, and how both become dots. Pure, and drawn by hand.

Equirectangular, from `WEST` to `EAST` and from `NORTH` to `SOUTH`: a map is about five times as wide as high in cells, which are twice as
high as wide. A cell is 2 x 4 dots (braille patterns); with plain characters it is one.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

WEST, EAST, NORTH, SOUTH = -138.0, 180.0, 72.0, -48.0
ASPECT = 2 * (EAST - WEST) / (NORTH - SOUTH)
"""Cells of width for each of height."""
DOTS_X, DOTS_Y = 2, 4
"""Dots of a cell."""
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BRAILLE = 0x2800

PLACES: dict[str, tuple[float, float]] = {
    "us-east-1": (-77.5, 38.9), "us-east-2": (-83.0, 40.0), "us-west-1": (-121.9, 37.4), "us-west-2": (-120.5, 45.8),
    "ca-central-1": (-73.6, 45.5), "ca-west-1": (-114.1, 51.0), "mx-central-1": (-100.4, 20.6), "sa-east-1": (-46.6, -23.5),
    "eu-west-1": (-6.3, 53.3), "eu-west-2": (-0.1, 51.5), "eu-west-3": (2.4, 48.9), "eu-central-1": (8.7, 50.1),
    "eu-central-2": (8.5, 47.4), "eu-south-1": (9.2, 45.5), "eu-south-2": (-0.9, 41.6), "eu-north-1": (18.1, 59.3),
    "il-central-1": (34.8, 32.1), "me-south-1": (50.6, 26.1), "me-central-1": (54.4, 24.4), "af-south-1": (18.4, -33.9),
    "ap-south-1": (72.9, 19.1), "ap-south-2": (78.5, 17.4), "ap-southeast-1": (103.8, 1.4), "ap-southeast-2": (151.2, -33.9),
    "ap-southeast-3": (106.8, -6.2), "ap-southeast-4": (145.0, -37.8), "ap-southeast-5": (101.7, 3.1), "ap-southeast-6": (174.8, -36.8),
    "ap-southeast-7": (100.5, 13.8), "ap-east-1": (114.2, 22.3), "ap-east-2": (121.5, 25.0), "ap-northeast-1": (139.7, 35.7),
    "ap-northeast-2": (127.0, 37.6), "ap-northeast-3": (135.5, 34.7), "cn-north-1": (116.4, 39.9), "cn-northwest-1": (105.2, 37.5),
    "us-gov-east-1": (-81.0, 40.5), "us-gov-west-1": (-119.5, 46.5),
}  # fmt: skip
"""Region -> (degrees east, degrees north), about."""

_LAND = (
    # North America, Baffin, Victoria, Greenland, Iceland, Cuba, Hispaniola
    "-166,62 -168,66 -156,71 -130,70 -115,68 -96,68 -94,72 -82,69 -81,63 -94,60 -93,57 -82,55 -80,51 -77,56 -78,62 -70,61 "
    "-65,58 -60,55 -56,52 -60,50 -66,50 -64,46 -70,43 -74,40 -76,35 -81,31 -80,26 -82,28 -84,30 -90,29 -97,28 -97,22 -94,18 "
    "-91,19 -90,21 -87,21 -88,16 -84,15 -83,10 -79,9 -77,8 -80,7 -85,10 -88,13 -94,16 -105,20 -109,26 -113,31 -110,23 -115,29 "
    "-117,33 -121,35 -124,40 -124,48 -131,55 -140,60 -152,60 -160,55 -158,58",
    "-80,73 -70,70 -62,66 -66,62 -74,65 -88,71",
    "-117,73 -105,73 -103,69 -115,69",
    "-70,77 -20,77 -22,70 -40,65 -43,60 -52,64 -54,70",
    "-24,65 -22,66 -14,66 -15,64 -20,63",
    "-85,22 -80,23 -74,20 -78,20",
    "-74,20 -69,20 -69,18 -74,18",
    # South America
    "-77,8 -72,12 -62,10 -52,5 -50,0 -44,-3 -35,-6 -39,-14 -41,-22 -48,-26 -54,-34 -58,-38 -63,-41 -65,-45 -69,-51 -68,-55 "
    "-74,-52 -75,-46 -73,-40 -71,-30 -70,-18 -76,-14 -81,-6 -80,0 -78,4",
    # Africa, Madagascar
    "-6,36 10,37 11,33 20,31 32,31 35,28 37,20 43,12 51,12 48,5 40,-3 40,-15 35,-20 33,-26 28,-33 18,-35 15,-27 12,-17 13,-8 "
    "9,0 9,4 4,6 -8,4 -13,9 -17,15 -16,21 -10,30",
    "49,-12 50,-16 47,-25 44,-23 44,-17",
    # Europe and Asia, and the Caspian Sea in it
    "-9,37 -9,43 -2,43 -1,46 -5,48 2,51 7,54 9,57 11,56 10,54 14,54 20,55 22,58 28,60 22,60 21,63 25,65 22,66 17,62 17,58 "
    "13,55 11,59 6,58 5,62 13,67 20,70 28,71 40,67 33,66 38,64 44,66 44,68 54,68 60,69 68,69 73,72 80,73 100,76 113,74 130,71 "
    "140,73 160,70 180,69 180,65 178,63 170,60 163,60 162,56 157,51 156,57 163,62 155,59 142,59 135,55 141,52 140,48 132,43 "
    "128,40 129,36 126,34 126,38 122,40 118,39 122,37 119,35 122,31 120,26 114,22 108,21 106,19 109,12 105,9 100,13 101,7 "
    "104,2 103,1 100,6 98,10 98,16 94,17 91,22 87,21 80,15 80,11 77,8 73,18 72,21 67,24 61,25 57,27 50,30 48,30 51,25 54,24 "
    "56,26 60,22 55,17 45,13 43,15 39,21 35,28 34,31 36,36 30,36 27,37 27,40 30,41 36,42 41,41 38,44 40,47 35,46 32,46 29,45 "
    "28,41 24,41 23,38 22,37 19,42 14,45 13,44 18,40 16,38 15,40 10,44 4,43 3,42 0,39 -2,37 -5,36",
    "49,46 53,46 53,40 54,37 50,37 49,41",
    # Britain, Ireland, Novaya Zemlya, Sakhalin, Hokkaido, Honshu, Taiwan, Sri Lanka
    "-5,50 1,51 2,53 -2,56 -2,58 -5,58 -5,55 -3,54 -5,52",
    "-10,52 -6,52 -6,55 -9,55",
    "52,71 57,71 68,76 60,76",
    "142,46 144,50 143,54 142,54",
    "140,42 141,45 145,44 143,42",
    "130,33 131,34 136,35 137,37 140,41 142,40 141,36 139,35 135,34 132,32",
    "121,25 122,25 121,22 120,23",
    "80,10 82,7 80,6",
    # Philippines, Borneo, Sulawesi, Sumatra, Java, New Guinea
    "120,18 122,18 124,12 126,7 122,7 121,13",
    "109,1 117,7 119,5 116,-4 110,-3",
    "119,1 125,1 121,-5 119,-4",
    "95,6 104,-2 106,-6 102,-5",
    "105,-6 115,-8 106,-8",
    "131,-1 141,-3 150,-10 143,-9 138,-8 134,-4",
    # Australia, Tasmania, New Zealand
    "114,-22 122,-18 129,-15 131,-12 136,-12 136,-15 140,-18 142,-11 145,-15 149,-20 153,-26 152,-32 150,-37 144,-39 138,-35 "
    "132,-32 124,-33 116,-35 115,-32",
    "145,-41 148,-41 147,-43",
    "173,-35 178,-38 175,-41 174,-38",
    "173,-41 174,-42 171,-44 168,-47 167,-45",
)
"""Outlines, as degrees east and north; what lies in two of them is water."""


def height_of(width: int) -> int:
    """Rows of a map that is so many cells wide."""
    return max(1, round(width / ASPECT))


def width_of(height: int) -> int:
    """Cells of a map that is so many rows high."""
    return max(1, int(height * ASPECT))


def at(region: str, width: int, height: int) -> tuple[float, float] | None:
    """Where a region is in a map of so many cells: cells from its left and its top; None where nobody knows."""
    place = PLACES.get(region)
    if place is None:
        return None
    return (place[0] - WEST) / (EAST - WEST) * width, (NORTH - place[1]) / (NORTH - SOUTH) * height


@lru_cache(8)
def land(width: int, height: int, dots: bool = True) -> tuple[tuple[int, ...], ...]:
    """The land in a map of so many cells: a row of cells each, of each the bits of its dots (without dots: 1 where land is)."""
    across, down = (width * DOTS_X, height * DOTS_Y) if dots else (width, height)
    cells = [[0] * width for _ in range(height)]
    for row in range(down):
        north = NORTH - (row + 0.5) / down * (NORTH - SOUTH)
        for first, last in _stretches(_crossings(north), across):
            for column in range(first, last):
                if dots:
                    cells[row // DOTS_Y][column // DOTS_X] ^= _BITS[row % DOTS_Y][column % DOTS_X]
                else:
                    cells[row][column] ^= 1
    return tuple(map(tuple, cells))


def disc(x: float, y: float, radius: float, hollow: bool = False) -> dict[tuple[int, int], int]:
    """Cells of a disc, (column, row) -> bits of its dots. x, y: its middle in cells; radius: in dots, which are about square."""
    middle_x, middle_y = x * DOTS_X, y * DOTS_Y
    found: dict[tuple[int, int], int] = {}
    reach = int(radius) + 1
    for row in range(int(middle_y) - reach, int(middle_y) + reach + 1):
        for column in range(int(middle_x) - reach, int(middle_x) + reach + 1):
            away = ((column + 0.5 - middle_x) ** 2 + (row + 0.5 - middle_y) ** 2) ** 0.5
            if row >= 0 and column >= 0 and away <= radius and not (hollow and away < radius - 1.3):
                key = column // DOTS_X, row // DOTS_Y
                found[key] = found.get(key, 0) | _BITS[row % DOTS_Y][column % DOTS_X]
    return found


def dots(bits: int) -> str:
    """The sign with these dots."""
    return chr(_BRAILLE + bits) if bits else " "


@lru_cache(1)
def _outlines() -> tuple[tuple[tuple[float, float], ...], ...]:
    pairs = (tuple(tuple(map(float, pair.split(","))) for pair in text.split()) for text in _LAND)
    return tuple(pairs)  # type: ignore[arg-type]  # pairs they are


@lru_cache(512)
def _crossings(north: float) -> tuple[tuple[float, ...], ...]:
    """Where each outline crosses a parallel, from west to east."""
    found = []
    for outline in _outlines():
        edges = zip(outline, (*outline[1:], outline[0]), strict=True)
        found.append(
            tuple(sorted(x0 + (north - y0) / (y1 - y0) * (x1 - x0) for (x0, y0), (x1, y1) in edges if (y0 > north) != (y1 > north)))
        )
    return tuple(found)


def _stretches(crossings: Iterable[Sequence[float]], across: int) -> Iterable[tuple[int, int]]:
    """(first, behind the last) dots of a row that are land."""
    for found in crossings:
        for begin, end in zip(found[::2], found[1::2], strict=True):
            first, last = (round((x - WEST) / (EAST - WEST) * across) for x in (begin, end))
            yield max(0, first), min(across, last)

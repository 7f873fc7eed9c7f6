"""What the table of an AWS host holds: keys and attributes of every item, and nothing else. Lean.

A *unit* is what is leased, run and reported together: a single job, or a slice of an array. Waiting slices of an array are no items:
they are the tiles of `sz` positions that nobody has claimed yet. A slice is named by its first position, which never changes; when it is
split its `h` shrinks and each part is a new slice. Where truth lies, for each task, exactly one of: a tile without an item (waiting, first
attempt), or the slice whose lo..h it is in. Counters (TALLY, TOTAL, TOTALS) follow from units, by the stream, and are true once it is read.

    pk            sk                       what
    J#ID          JOB                      a job; of a single job the unit too
    J#ID          TOTAL                    an array's counters: c0..c5 (numbers of tasks in the order of jobs.STATES), see `totals`
    S#ID#GROUP    LOW, nine digits         a slice: a unit of an array (group: `group_of`)
    S#ID#GROUP    TALLY                    what was counted of each unit of the group: `units` (`tally`), vr: grows with each change
    G#BLOCK       TALLY                    the same of the single jobs with id // BLOCK_OF_JOBS == BLOCK
    TOTALS        QUEUE#DEFINITION#SHARD   c0..c5: tasks of a queue and definition; the sum over shards counts
    P#HASH        SPEC                     what jobs execute: `body` (JSON, deflated), `script` (deflated) or `object` (its key in S3)
    K#KEY         KEY                      `j`: the job of an idempotency key of a user, `t` its tasks, `sc` the name of its script, `at`
    A#KEY         KEY                      `ids`: the jobs that one request to run tasks again made; gone after a week
    IDS           IDS                      `last`: ids up to it were given away, in blocks
    QUEUE         NAME                     `paused` (0/1): what workers have to know of a queue; `at`: since when it is so
    W#SHARD       WORKER                   a worker's last words (`scheduler.remote`), gone by itself when it is silent
    CAPACITY      CLUSTER#DEFINITION       what the scaler decided last for a lane, and why (`body`: JSON)
    FLEET         CLUSTER#REGION#NAME      a request for workers that is not over, named as its Batch job (`body`: JSON, `fleet`)
    LIMITED       ID                       an array with a limit that is not over: q, d, lm (`demand`)
    ROUTING       CLUSTER                  the regions' automatic weights, from what, and what they were before (`body`: JSON, deflated)
    HEALTH        CLUSTER#REGION           how workers came there lately, and whether it is left alone for now (`body`: JSON)
    INSTANCES     CLUSTER#REGION           what the cluster's instances there are made from (`body`: JSON, `instances`)
    PRICE         REGION                   what instances cost there now: `body` (JSON, deflated): at (ms), spot and on demand by type
    MACHINE       CLUSTER#REGION#NAME      a machine with slots, EC2's or one that joined (`body`: JSON), gone by itself when it is silent
    U#DAY#SHARD   WORKER                   what a worker's tasks used on a day (`body`: JSON): only that worker writes it, whole each time
    LOCK          SCALER                   who decides about workers now: `token`, `until` (`turns`)
    LOCK          RECONCILER               lanes without messages, as they were seen last (`body`: JSON, `reconciler`)

Attributes are short because every kilobyte of an item that is written costs a write unit. Times are milliseconds since 1970 unless said.

    of a job    n name, q queue, d definition, u user, p priority, b band, k idempotency key (if a user chose it), a 0 single, 1 array,
                2 sparse array, t tasks, lo first index, st step, ix the indices of a sparse array (`indices.pack`;
                an object when there are many, `index_object`), lm limit (0 none),
                sz slice size, nx tiles that may be sent so far (limited arrays), cx 1: some tasks of a limited array were cancelled alone,
                sp spec (16 bytes), pm key of the parameter object,
                tk the token of who put it, at submitted, x when its cancellation was asked for, v version
                due `due#SHARD` and due_at: on the index `due`, with q and d, while the job is open; the reconciler looks at it then
                listing `q#QUEUE#SHARD` and listed_at `MILLISECONDS#ID`: on the index `listing`, with n, u and z
                z its state, once it is over and not Successful: lists of what failed read the index alone
                expires seconds since 1970, set when it is over
    of a slice  j job, lo, h first and last position, q, d, sz, jt the job's tasks, u, b
    of a unit   s 0 waits, 1 leased, 2 over; l number of the lease (only grows), v version (grows with each write that changes counts),
                c counts [6 numbers]; un the lease's end, w worker, mk positions up to here may have been started,
                rn running [[position, attempt, start_ms], ...] (JSON), rs results (`columns.pack`), hs earlier attempts (the same),
                op unfinished tasks that have a history [[low, high, attempt, failures, losses], ...] (JSON),
                xs positions whose cancellation was asked for (number set), lg number of the last log object,
                ls leases in a row that were lost without a result,
                us {place: vCPU milliseconds} (JSON): what its attempts used where, place `REGION TYPE PURCHASE USD` (USD of a vCPU hour),
                o output of a single job's final attempt when little (deflated frames),
                why [[reason, [[position, attempt], ...]], ...] (JSON, deflated),
                fo somebody follows until, lv {position: [attempt, chunks, bytes]} output of running tasks so far (JSON)
"""

JOB, TOTAL, TALLY, SPEC, KEY = "JOB", "TOTAL", "TALLY", "SPEC", "KEY"
IDS = ("IDS", "IDS")
TOTALS, QUEUE, CAPACITY, FLEET, LIMITED = "TOTALS", "QUEUE", "CAPACITY", "FLEET", "LIMITED"
ROUTING, HEALTH, PRICE, MACHINE = "ROUTING", "HEALTH", "PRICE", "MACHINE"
INSTANCES = "INSTANCES"
SCALER_LOCK, RECONCILER = ("LOCK", "SCALER"), ("LOCK", "RECONCILER")
SHARDS = 16
"""Parts of each index and of the workers' items: a part takes 1,000 writes a second."""
TOTAL_SHARDS = 4
"""Parts of a queue's counters."""
BLOCK_OF_JOBS = 1024
"""Single jobs that are counted together: less than a kilobyte. Their items are in many partitions, and each shard of the stream writes the
tally of all of its jobs of a second: with 64 of them it was 1.3 units for each job at 6,000 a second (docs/aws-costs.md)."""
TILES_PER_GROUP = 16
"""Slices of an array that are counted, and read, together; at 1,000 tasks each and 200 tasks a second they write 160 units a second."""
MOST_TASKS_PER_SLICE = 1000
WAITING, LEASED, OVER = 0, 1, 2
"""States of a unit."""
BANDS = ("low", "normal", "high")
"""Priority bands: a lane has a message queue for each that was ever used."""


def job(number: int) -> "tuple[str, str]":
    """Key of a job."""
    return f"J#{number}", JOB


def total(number: int) -> "tuple[str, str]":
    """Key of an array's counters."""
    return f"J#{number}", TOTAL


def group_of(low: int, size: int) -> int:
    """The group of the slice that begins at a position; size: that of the array's tiles."""
    return (low - 1) // (size * TILES_PER_GROUP)


def slices(number: int, group: int) -> str:
    """Partition of a group of slices."""
    return f"S#{number}#{group}"


def slice(number: int, low: int, size: int) -> "tuple[str, str]":
    """Key of a slice."""
    return slices(number, group_of(low, size)), f"{low:09d}"


def tally(number: int, low: int = 0, size: int = 0) -> "tuple[str, str]":
    """Key of the counts of a unit's group; without `low` that of a single job."""
    return (slices(number, group_of(low, size)) if low else f"G#{number // BLOCK_OF_JOBS}"), TALLY


def spec(digest: bytes) -> "tuple[str, str]":
    """Key of a spec."""
    return f"P#{digest.hex()}", SPEC


def key(text: str) -> "tuple[str, str]":
    """Key of an idempotency key."""
    return f"K#{text}", KEY


def again(text: str) -> "tuple[str, str]":
    """Key of a request to run tasks again."""
    return f"A#{text}", KEY


def listing(queue: str, number: int, at_ms: int) -> "tuple[str, str]":
    """(listing, listed_at) of a job."""
    return listing_part(queue, number % SHARDS), f"{at_ms:013d}#{number}"


def listing_part(queue: str, shard: int) -> str:
    """Partition of the index `listing`."""
    return f"q#{queue}#{shard}"


def due_part(number: int) -> str:
    """Partition of the index `due` (number: the job's, or the part's own)."""
    return f"due#{number % SHARDS}"


def worker_part(shard: int) -> str:
    """Partition of workers' items."""
    return f"W#{shard % SHARDS}"


def usage_part(day: str, shard: int) -> str:
    """Partition of the usage of a day, `2026-11-23` in UTC."""
    return f"U#{day}#{shard % SHARDS}"


def band(queue_priority: int, priority: int) -> int:
    """Index in BANDS: the queue's priority decides, and where it is 0 the job's own."""
    decides = queue_priority or priority
    return 1 + (decides > 0) - (decides < 0)


# -- objects of the data bucket -----------------------------------------------------------------------------------------------------
def script_object(name: str) -> str:
    """A script that is too large for its spec's item. name: hash of its contents."""
    return f"scripts/{name}"


def parameter_object(number: int) -> str:
    """The packed parameters of a job, its own."""
    return f"parameters/{number}"


def index_object(number: int) -> str:
    """The indices of a sparse array that are too many for its item."""
    return f"indices/{number}"


def log_object(number: int, low: int, log: int) -> str:
    """A log object of a unit (low: 0 of a single job). S3 takes 3,500 writes a second below a prefix, so the keys begin apart."""
    return f"{_outputs(number, low)}/{log}"


def output_object(number: int, low: int, position: int, attempt: int) -> str:
    """A large output of an attempt, by itself."""
    return f"{_outputs(number, low)}/{position}-{attempt}"


def live_object(number: int, low: int, position: int, attempt: int, chunk: int) -> str:
    """A piece of the output of an attempt that runs."""
    return f"{_outputs(number, low)}/{position}-{attempt}.{chunk}"


def _outputs(number: int, low: int) -> str:
    return f"output/{(number * 31 + low * 17) % 256:02x}/{number}/{low}"

"""Job and task ids as people and programs write them.

A job id is a plain positive integer below 2**53; a task of an array is `JOB--INDEX`. The spellings of other schedulers
(`1234[7]`, `1234[]`, `1234.7`) are read too. No regular expressions: this is on the start-up path of every job command.
"""

from cyclone_core.errors import UsageError

MAX_ID = 2**53 - 1


def format_task(job: int, index: int | None) -> str:
    """`1234` or, for a task of an array, `1234--7`."""
    return str(job) if index is None else f"{job}--{index}"


def parse(text: str) -> tuple[int, int | None]:
    """(job, task index or None) of one id. Raises UsageError when the text is no id."""
    text = text.strip()
    for opening, closing in (("--", ""), ("[", "]"), (".", "")):
        job, found, index = text.partition(opening)
        if found:
            if closing and not index.endswith(closing):
                break
            index = index[: len(index) - len(closing)]
            if opening == "[" and not index:
                return _number(job, text), None
            return _number(job, text), _number(index, text)
    return _number(text, text), None


def _number(digits: str, whole: str) -> int:
    if digits.isascii() and digits.isdigit() and len(digits) <= 16 and 0 < int(digits) <= MAX_ID:
        return int(digits)
    raise UsageError(f"{whole!r} is not a job id: ids are positive numbers such as 1234, or 1234--7 for a task of an array")

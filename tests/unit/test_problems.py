"""Problems are collected and raised together; every error has its exit code and its text."""

import pytest

from cyclone_core import errors
from cyclone_core.problems import Problem, Problems


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("queue", "there is no queue 'x'", "Make it"), "queue: there is no queue 'x'. Make it"),
        (Problem("", "the disk is full", "Make room"), "the disk is full. Make room"),
        (Problem("name", "too long"), "name: too long"),
    ],
)
def test_a_problem_reads_what_why_what_next(problem: Problem, text: str) -> None:
    """Where, what and what to do, with nothing empty in between."""
    assert str(problem) == text


def test_problems_travel_as_tuples() -> None:
    """And are the same at the other end."""
    problem = Problem("a", "b", "c")
    assert Problem(*problem.as_tuple()) == problem
    assert len({problem, Problem("a", "b", "c"), Problem("a", "b")}) == 2
    assert problem != ("a", "b", "c")
    assert repr(problem) == "Problem('a', 'b', 'c')"


def test_all_problems_are_raised_at_once() -> None:
    """In the order in which they were found; without any nothing is raised."""
    problems = Problems()
    problems.check()
    assert not problems
    problems.add("a", "first")
    problems.extend([Problem("b", "second")])
    assert problems
    assert [problem.path for problem in problems] == ["a", "b"]
    with pytest.raises(errors.InvalidRequest, match="a: first\nb: second") as caught:
        problems.check()
    assert caught.value.problems == list(problems)


def test_every_error_is_drawn_in_the_tree() -> None:
    """The tree at the top of the module is the truth, exit codes are 1, or 2 for the command line."""
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, errors.CycloneError)]
    assert len(classes) > 5
    for one in classes:
        assert one.__name__ in (errors.__doc__ or ""), one
        assert one.__doc__, one
        assert one.exit_code == (2 if issubclass(one, errors.UsageError) else 1)

"""Fills the free width of the streams: takes tasks, writes their START frames, makes their processes.

The START frames of all tasks of a turn reach the journal in one write, together with the END frames that were waiting, and
only then is a process made. When the disk is full or the system has no process left, tasks that were taken are held, and
nothing else is taken, until it works again.
"""

import sys
from time import monotonic, time_ns

from cyclone_core.journal import start_frame
from cyclone_core.worker.recipes import recipe_for
from cyclone_core.worker.tasks import Task
from cyclone_core.worker.warm import Shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cyclone_core.worker.executor import Executor
    from cyclone_core.worker.recipes import Place, Recipe
    from cyclone_core.worker.recorder import Recorder
    from cyclone_core.worker.tasks import Stream

    Feeds = list[tuple[Shell, list[Task]]]

_RETRY_S = 1.0  # until the next attempt when something is full
_GIVE_UP_S = 10.0  # a task that cannot get a process for so long fails


class Starter:
    """Starts what the streams have room for. `held`: tasks with a START frame and without a process."""

    __slots__ = ("_blocked", "_executor", "_no_room_since", "_place", "_recorder", "held")

    def __init__(self, place: "Place", recorder: "Recorder", executor: "Executor") -> None:
        self._place, self._recorder, self._executor = place, recorder, executor
        self.held: list[Task] = []
        self._blocked, self._no_room_since = False, 0.0

    def fill(self, streams: "Iterable[Stream]") -> None:
        """Start tasks until no stream has room, or nothing can be started now."""
        while not self._blocked:
            tasks: list[Task] = self._renewed() if self.held else []
            feeds: Feeds = []
            for stream in streams:
                if stream.queue:
                    self._take_from(stream, tasks, feeds)
            if not (tasks or feeds) or not self._written(tasks, feeds):
                return
            self._feed_all(feeds)
            if not self._launch_all(tasks):
                return

    def drop(self, job: int = 0, position: int = 0) -> "list[Task]":
        """Held tasks that are not to be started any more: all, those of a job, or one."""
        dropped = [task for task in self.held if job in (0, task.job) and position in (0, task.position)]
        self.held = [task for task in self.held if task not in dropped]
        return dropped

    def _renewed(self) -> "list[Task]":
        """Held tasks, which begin only now."""
        tasks, self.held = self.held, []
        for task in tasks:
            task.start_us, task.began = time_ns() // 1000, monotonic()
        return tasks

    def _take_from(self, stream: "Stream", tasks: "list[Task]", feeds: "Feeds") -> None:
        queue = stream.queue
        while queue:
            work = queue[0]
            recipe = work.recipe
            if recipe is None:
                recipe = work.recipe = recipe_for(work.lease, work.job, self._place)
            if stream.script != recipe.plan.script:
                stream.meet(recipe.plan.script)
            if recipe.warm:
                if not self._feed(stream, feeds):
                    return
            elif stream.busy < stream.limit():
                task = self._new_task(stream)
                stream.busy += 1
                stream.running.add(task)
                tasks.append(task)
            else:
                return

    def _written(self, tasks: "list[Task]", feeds: "Feeds") -> bool:
        """Whether the START frames are in the journal; otherwise all wait."""
        if self._recorder.flush():
            return True
        self.held = tasks
        for shell, group in feeds:
            shell.unreserve(group)
        self._block()
        return False

    def _feed_all(self, feeds: "Feeds") -> None:
        for shell, group in feeds:
            try:
                shell.feed(group)
            except OSError:
                self._block()

    def _launch_all(self, tasks: "list[Task]") -> bool:
        """Make the processes; True when a task ended right here, so that there is room again."""
        room, launch = False, self._executor.launch
        for number, task in enumerate(tasks):
            try:
                launch(task)
                self._no_room_since = 0.0
            except OSError as exc:
                self._no_room(task, tasks[number:], exc)
                return False
            except Exception as exc:  # noqa: BLE001  the border of the agent loop: one task must not take the worker down
                sys.excepthook(type(exc), exc, exc.__traceback__)
                self._executor.fail(task, f"Cyclone failed to start it: {type(exc).__name__}: {exc}")
            room = room or task.over
        return room

    def _new_task(self, stream: "Stream") -> Task:
        work, position = stream.take()
        recipe = work.recipe
        assert recipe is not None
        task = Task(work, recipe, position, time_ns() // 1000, monotonic())
        self._recorder.put(start_frame(work.lease.id, work.job, position, work.attempt, task.start_us))
        return task

    def _feed(self, stream: "Stream", feeds: "Feeds") -> bool:
        """Take the next tasks of the queue for a warm shell; False when none has room."""
        work = stream.queue[0]
        recipe = work.recipe
        assert recipe is not None
        shell = next((shell for shell in stream.shells if shell.fits(recipe) and shell.room()), None)
        if shell is None:
            shell = self._new_shell(stream, recipe)
            if shell is None:
                return not recipe.warm
        group = [self._new_task(stream) for _ in range(min(shell.room(), work.high - work.next + 1))]
        for task in group:
            shell.reserve(task)
        feeds.append((shell, group))
        return True

    def _new_shell(self, stream: "Stream", recipe: "Recipe") -> "Shell | None":
        """Another shell where the width allows. A plan that cannot work is left to the cold way, which says why."""
        if stream.busy >= stream.width:
            return None
        for shell in [shell for shell in stream.shells if not shell.sent]:
            shell.close()
        try:
            shell = Shell(self._executor, stream, recipe)
        except OSError:
            self._block()
            return None
        if shell.failed or recipe.plan.problem:
            shell.close()
            recipe.warm = recipe.plan.warm = False
            return None
        return shell

    def _no_room(self, task: Task, rest: "list[Task]", exc: OSError) -> None:
        """The system has no process or descriptor left: wait for better times, but not for ever."""
        now = monotonic()
        self._no_room_since = self._no_room_since or now
        if now - self._no_room_since > _GIVE_UP_S:
            rest = rest[1:]
            self._executor.fail(task, f"no process could be made for {_GIVE_UP_S:g} s: {exc.strerror}")
        self.held = [*rest, *self.held]
        self._block()

    def _block(self) -> None:
        self._blocked = True
        self._executor.timers.at(monotonic() + _RETRY_S, self._unblock)

    def _unblock(self) -> None:
        self._blocked = False

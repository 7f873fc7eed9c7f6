"""The deployer of AWS hosts: makes a plan true with CloudFormation, many stacks at once, and tells what happens.

    recorded bodies + the plan's changes ─▶ targets ─▶ templates (synth)
    plan ─▶ steps (stack_order) ─▶ threads (stack_schedule) ─▶ one stack each (stack_operations, stack_cleanup) ─▶ events

Nothing is kept but what AWS keeps, so a plan may be applied again after a death at any moment, and by two at a time: what is true already
is told as such, what is under way is followed. Only stacks that the plan names are touched.
"""

import functools
import json
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import suppress
from typing import Protocol

from cyclone_core import naming
from cyclone_core.aws.account import Account
from cyclone_core.aws.stacks import Stacks
from cyclone_core.errors import AwsError, CredentialsUnusable, CycloneError
from cyclone_core.infra import bootstrap, machine_images, stack_words
from cyclone_core.infra.containers import Stop, never
from cyclone_core.infra.draining import Working
from cyclone_core.infra.events import Event, Phase
from cyclone_core.infra.image_steps import ImageStep
from cyclone_core.infra.plan import Bodies, Plan
from cyclone_core.infra.stack_assets import Uploads
from cyclone_core.infra.stack_cleanup import Cleanup
from cyclone_core.infra.stack_cleanup import Left as LeftOver
from cyclone_core.infra.stack_draining import Draining
from cyclone_core.infra.stack_events import Teller
from cyclone_core.infra.stack_following import Follower, Pace
from cyclone_core.infra.stack_operations import Ended, StackRun, Wanted, tags_of
from cyclone_core.infra.stack_order import Step, steps
from cyclone_core.infra.stack_schedule import AT_ONCE, Left, Schedule, Signal, Tell
from cyclone_core.infra.synth import Template
from cyclone_core.infra.targets import Key, Place, Target
from cyclone_core.infra.template_limits import over_limits

_BEGUN: dict[str, Phase] = {"create": "CREATING", "change": "UPDATING", "replace": "UPDATING", "delete": "DELETING"}


class Synthesizes(Protocol):
    """What makes templates: `synth.Synthesizer`, and in tests something faster."""

    def templates(self, targets: Iterable[Target]) -> dict[Key, Template]:
        """The template of each target. Raises CycloneError."""
        ...


class StackDeployer:
    """Applies plans to one AWS host (`deployer.Applier`)."""

    def __init__(
        self, account: Account, place: Place, synthesizer: Synthesizes, recorded: Callable[[], Bodies],
        clock: Callable[[], float] = time.time, at_once: int = AT_ONCE, patience_s: float = 3600.0, workers: Working = lambda *_: {},
    ) -> None:  # fmt: skip
        """recorded: what the host has, read when a plan is applied; clock: seconds since 1970; at_once: most stacks at the same time.

        patience_s: so long somebody else's operation on a stack is waited for; workers: those that run, which nothing is taken away from.
        """
        self._account, self._place, self._synthesizer, self._recorded = account, place, synthesizer, recorded
        self._clock, self._at_once, self._patience_s, self._workers = clock, at_once, patience_s, workers

    def apply(self, plan: Plan, stop: Stop = never) -> Generator[Event, None, None]:
        """Make the changes: what one needs before it, the rest at once; a stack that fails keeps only those back that need it.

        `stop`: creations are deleted, updates taken back where AWS still can, nothing more is begun. Whoever leaves (or dies) leaves AWS to
        go on by itself. Raises CycloneError for what is no fault of a single stack.
        """
        recorded = self._recorded()
        ordered = steps(self._place, recorded, plan)
        templates = self._synthesizer.templates([step.target for step in ordered if step.target])
        regions = dict.fromkeys((self._place.main_region, *recorded.get("region", {})))
        run = _Run(self._account, self._place, plan, templates, tuple(regions), self._clock, self._patience_s, self._workers)
        yield from Schedule(ordered, run.work, run.skipped, run.broken, self._at_once).run(stop)


class _Run:
    """One plan being applied. Its methods are called by the threads of the steps."""

    def __init__(
        self, account: Account, place: Place, plan: Plan, templates: Mapping[Key, Template], regions: tuple[str, ...],
        clock: Callable[[], float], patience_s: float, workers: Working,
    ) -> None:  # fmt: skip
        """regions: all that the host had before."""
        self._account, self._place, self._plan, self._templates, self._regions = account, place, plan, templates, regions
        self._clock, self._patience_s, self._workers = clock, patience_s, workers
        self._uploads = Uploads(account, place.account)
        self._paces: dict[str, Pace] = {}

    def work(self, step: Step, tell: Tell, signal: Signal) -> None:
        """Do a step and tell how it ends."""
        teller = Teller(step.change, tell, self._clock)
        teller.say(_BEGUN[step.change.action])
        try:
            ended = self._do(step, teller, signal)
        except Left:
            if not signal.cancelled.is_set():
                raise
            ended = Ended("CANCELLED", "it was not changed")
        except CredentialsUnusable as exc:
            signal.halted.set()
            ended = Ended("FAILED", stack_words.interrupted(str(exc)))
        except AwsError as exc:
            ended = Ended("FAILED", stack_words.interrupted(str(exc)) if teller.is_under_way else str(exc))
        except CycloneError as exc:
            ended = Ended("FAILED", str(exc))
        except OSError as exc:
            ended = Ended("FAILED", f"a file of its template cannot be read: {exc}. Try again: it is made anew")
        teller.say(ended.phase, ended.text)

    def skipped(self, step: Step, why: Step) -> Event:
        """What is told of a step that cannot be done."""
        text = stack_words.skipped(why.key[1], why.key[0])
        change = step.change
        return Event(self._clock(), change.kind, change.name, "LOG", text, "warning", change.region)

    def broken(self, step: Step, error: BaseException | None) -> Event:
        """What is told of a step that ended by an error of ours."""
        change = step.change
        return Event(self._clock(), change.kind, change.name, "FAILED", stack_words.broken(error), "error", change.region)

    def _do(self, step: Step, teller: Teller, signal: Signal) -> Ended:
        region, stack = step.key
        if step.change.kind == machine_images.KIND:
            image = ImageStep(self._account, self._place.host, step.change, signal, teller.line)
            return image.remove() if step.deletes else image.make()
        stacks = Stacks(self._account, region)
        pace = self._paces.setdefault(region, Pace())  # atomic
        follower = Follower(stacks, teller.told, signal, pace, self._patience_s)
        run = StackRun(stacks, stack, follower, signal, teller.told, keep_failed=self._plan.keep_failed,
                       revert_drift=self._plan.revert_drift)  # fmt: skip
        if step.change.kind == "bootstrap":
            return self._bootstrap(region, stack, run)
        if step.deletes:
            return self._delete(step, stacks, run, teller)
        template = self._templates.get(step.key)
        if template is None:
            return Ended("FAILED", f"the host has no {step.change.kind} {step.change.name} in {region} any more, so nothing was made")
        problem = over_limits(template)
        if problem is not None:
            return Ended("FAILED", f"{problem.message}. {problem.hint}")
        bucket = self._uploads.bring(region, template.assets)
        wanted = Wanted(stack, template.body, template.text, template.tags, bucket)
        if step.change.kind != "cluster":
            return run.put(wanted)
        workers = functools.partial(self._workers, step.change.name, region)
        return Draining(run, stacks, signal, teller.line, workers).put(wanted)

    def _bootstrap(self, region: str, stack: str, run: StackRun) -> Ended:
        now = run.settled()
        if self._uploads.has_bucket(region):
            return Ended("ACTIVE", "it is there already")
        if now is not None and now.status not in ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"):
            return Ended("FAILED", stack_words.other_bootstrap(self._place.account, region))
        body = bootstrap.template()
        return run.put(Wanted(stack, body, json.dumps(body), {}))

    def _delete(self, step: Step, stacks: Stacks, run: StackRun, teller: Teller) -> Ended:
        tags = tags_of(self._place.host, step.change.kind, step.change.name)
        cleanup = Cleanup(self._account, step.key[0], teller.line, keep_data=self._plan.keep_data)
        now = run.settled()
        refusal = stack_words.not_ours(now, tags)
        if refusal:
            return Ended("FAILED", refusal)
        left = cleanup.before(stacks, now)
        if now is None and step.change.kind == "host" and not self._plan.keep_data:  # a death came between the stack and its bucket
            left = LeftOver(buckets=(naming.data_bucket(self._place.host, self._place.account, step.key[0]),))
        ended = run.delete(tags)
        if ended.phase == "DELETED":
            cleanup.after(left)
            if step.key[0] == self._place.main_region:
                cleanup.lanes(self._place.host, step.change.kind, step.change.name)
            if step.change.kind == "host":
                self._tell_shared(teller)
        return ended

    def _tell_shared(self, teller: Teller) -> None:
        """Name what the host's regions have that is not its own."""
        with suppress(AwsError):  # a region that does not answer now
            bootstrapped = [region for region in self._regions if self._uploads.has_bucket(region)]
            if bootstrapped:
                teller.line(stack_words.shared_kept(bootstrapped))

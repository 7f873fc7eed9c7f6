"""Which job runs when, and everything that happens to it.

Nobody polls: every change (a submission, an end, an update) looks what can start now; only while no instances come (`Starvation`) is that
looked at again and again. A queue is served in its order; a head that does not
fit holds up what is behind it, as in AWS's first-in-first-out queues. Each attempt has a thread that waits for its process.
"""

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator

from cyclone_core.sandbox.batch import updating
from cyclone_core.sandbox.batch.catalogue import Body, Catalogue, environments_of
from cyclone_core.sandbox.batch.execution import CannotStart, Execution, Starter
from cyclone_core.sandbox.batch.jobs import EXITED, HOST_LOST, TIMED_OUT, Attempt, Job, goes_again
from cyclone_core.sandbox.batch.place import Limits, Place, Scope, Surroundings
from cyclone_core.sandbox.batch.refusal import Refused, TooManyRequests
from cyclone_core.sandbox.batch.submission import jobs_of, work_of

_LOOK_EVERY_S = 0.2
"""So often an attempt's thread looks whether it is to end, and sends on what was printed."""
_HUNGRY_S = 0.3
"""So often it is looked whether instances come again."""
_NO_CAPACITY = "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested for instance type {}"
"""https://docs.aws.amazon.com/batch/latest/userguide/job_stuck_in_runnable.html"""
_WAITING = ("SUBMITTED", "PENDING", "RUNNABLE")


class Engine:
    """AWS Batch of all accounts and regions of a sandbox."""

    def __init__(self, starter: Starter, surroundings: Surroundings, limits: Limits, clock: Callable[[], float] = time.time) -> None:
        """clock: seconds since 1970."""
        self.lock = threading.RLock()
        """Around every look at a place."""
        self._starter, self._surroundings, self._limits, self._clock = starter, surroundings, limits, clock
        self._places: dict[Scope, Place] = {}
        self._running: dict[str, tuple[Job, threading.Thread]] = {}
        self._closed = False
        self._hungry: threading.Timer | None = None

    def place(self, scope: Scope) -> Place:
        """Batch in an account and region."""
        with self.lock:
            if scope not in self._places:
                catalogue = Catalogue(*scope, lambda resources: self._surroundings.problems_of(scope, resources))
                self._places[scope] = Place(scope, catalogue)
            return self._places[scope]

    # -- what is asked for ---------------------------------------------------------------------------------------------
    def submit(self, place: Place, request: Body) -> Job:
        """SubmitJob."""
        self._throttle(place)
        queue = place.catalogue.queue(request["jobQueue"])
        if queue["state"] != "ENABLED":
            raise Refused(f"JobQueue {queue['jobQueueArn']} is not in an ENABLED state.")
        work = work_of(place.catalogue.definition(request["jobDefinition"]), request, self._limits.shortest_timeout_s)
        for entry in work.depends_on:
            place.job(entry["jobId"])
        account, region = place.scope
        prefix = f"arn:aws:batch:{region}:{account}:job/"
        job = jobs_of(request, work, queue["jobQueueName"], str(uuid.uuid4()), lambda name: prefix + name, self._now())
        for each in (job, *job.children):
            place.jobs[each.id] = each
        if work.depends_on:
            job.state = "PENDING"
            place.dependent.append(job)
        else:
            self._make_runnable(place, job)
        self.go_on()
        return job

    def _throttle(self, place: Place) -> None:
        now = self._clock()
        while place.submitted and place.submitted[0] <= now - 1:
            place.submitted.popleft()
        if len(place.submitted) >= self._limits.submissions_per_s:
            raise TooManyRequests("Too Many Requests")
        place.submitted.append(now)

    def cancel(self, place: Place, job_id: str, reason: str) -> None:
        """CancelJob: jobs that did not start yet fail; others go on."""
        for job in _parts(place.job(job_id)):
            if job.state in _WAITING:
                self._fail(job, reason)
        self.go_on()

    def terminate(self, place: Place, job_id: str, reason: str) -> None:
        """TerminateJob: jobs fail, those that run after their process has ended."""
        found = place.job(job_id)
        if not found.is_over:
            found.ending = reason
        for job in _parts(found):
            if job.state in _WAITING:
                self._fail(job, reason)
            elif not job.is_over:
                job.ending = reason
        self.go_on()

    def update_environment(self, place: Place, request: Body) -> Body:
        """UpdateComputeEnvironment."""
        return updating.update(place.catalogue, request, self._jobs(), self._limits.minute_s)

    def delete_environment(self, place: Place, request: Body) -> None:
        """DeleteComputeEnvironment: its jobs lose their instances."""
        updating.delete(place.catalogue, request["computeEnvironment"], self._jobs())

    def _jobs(self) -> list[Job]:
        """Those that run."""
        return [job for job, _ in self._running.values()]

    def drop_queue(self, place: Place, name: str) -> None:
        """End the jobs of a queue that was deleted."""
        for job in place.jobs.values():
            if job.queue == name and not job.is_over:
                self.terminate(place, job.id, "Job Queue was deleted")
        place.waiting.pop(name, None)

    def _fail(self, job: Job, reason: str) -> None:
        for each in _parts(job):
            each.enter("FAILED", reason, self._now())

    def close(self, wait_s: float) -> None:
        """End every job and wait for their processes. Nothing starts any more."""
        with self.lock:
            self._closed = True
            running = list(self._running.values())
            for job, _ in running:
                job.ending = "the sandbox was stopped"
        until = time.monotonic() + wait_s
        for _, thread in running:
            thread.join(max(0.0, until - time.monotonic()))

    # -- what starts ---------------------------------------------------------------------------------------------------
    def go_on(self) -> None:
        """Start what can start now. The lock is held."""
        for place in self._places.values():
            self._release_dependent(place)
            for queue in sorted(place.catalogue.queues.values(), key=lambda queue: -int(queue["priority"])):
                self._serve(place, queue)

    def _serve(self, place: Place, queue: Body) -> None:
        waiting = place.waiting.get(queue["jobQueueName"], deque())
        while waiting:
            if waiting[0].state != "RUNNABLE":
                waiting.popleft()
                continue
            environment, why = self._environment_for(place, queue, waiting[0])
            if environment is None:
                waiting[0].reason = why
                return
            self._start(place, waiting.popleft(), environment)

    def _environment_for(self, place: Place, queue: Body, job: Job) -> tuple[str | None, str]:
        """The first compute environment with room for a job; or None and why not."""
        if self._closed or len(self._running) >= self._limits.running:
            return None, f"the sandbox runs at most {self._limits.running} jobs at once"
        could_ever, starved = False, ""
        for arn in environments_of(queue):
            environment = place.catalogue.environment(arn)
            most = float(environment.get("computeResources", {}).get("maxvCpus", 0))
            if environment["state"] != "ENABLED" or environment["status"] not in ("VALID", "UPDATING"):
                continue
            could_ever = could_ever or job.work.vcpus <= most
            if place.used_vcpus.get(arn, 0.0) + job.work.vcpus > most:
                continue
            if not self._surroundings.is_starved(place.scope, queue["jobQueueName"], environment["computeResources"].get("type", "")):
                return arn, ""
            starved = _NO_CAPACITY.format((environment["computeResources"].get("instanceTypes") or ["any"])[0])
        if starved:
            self._look_again()
        if could_ever:
            return None, starved
        return None, "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - no compute environment of the queue can ever have so many vCPUs"

    def _look_again(self) -> None:
        """In a moment; nobody says when instances come."""
        if self._hungry is None and not self._closed:
            self._hungry = threading.Timer(_HUNGRY_S, self._fed)
            self._hungry.daemon = True
            self._hungry.start()

    def _fed(self) -> None:
        with self.lock:
            self._hungry = None
            self.go_on()

    def _release_dependent(self, place: Place) -> None:
        for job in list(place.dependent):
            states = {place.jobs[entry["jobId"]].state for entry in job.work.depends_on}
            if job.is_over or "FAILED" in states:
                place.dependent.remove(job)
                if not job.is_over:
                    self._fail(job, "Dependent Job failed")
            elif states == {"SUCCEEDED"}:
                place.dependent.remove(job)
                self._make_runnable(place, job)

    def _make_runnable(self, place: Place, job: Job) -> None:
        waiting = place.waiting.setdefault(job.queue, deque())
        for each in _parts(job):
            each.enter("RUNNABLE", "", self._now())
            waiting.append(each)

    # -- what runs -----------------------------------------------------------------------------------------------------
    def _start(self, place: Place, job: Job, environment_arn: str) -> None:
        job.environment_arn = environment_arn
        place.used_vcpus[environment_arn] = place.used_vcpus.get(environment_arn, 0.0) + job.work.vcpus
        job.enter("STARTING", "", self._now())
        thread = threading.Thread(target=self._run, args=(place, job), name=f"batch {job.id}", daemon=True)
        self._running[job.id] = job, thread
        thread.start()

    def _run(self, place: Place, job: Job) -> None:
        """One attempt, in a thread of its own."""
        stream, started_ms = job.log_stream, self._now()
        try:
            execution = self._execute(place, job)
        except (CannotStart, OSError) as exc:
            self._finish(place, job, Attempt(started_ms, self._now(), None, str(exc), "Task failed to start", stream))
            return
        with self.lock:
            job.enter("RUNNING", "", self._now())
        code, why = self._attend(place, job, execution, stream)
        execution.clean()
        self._finish(place, job, Attempt(started_ms, self._now(), code, "", why or EXITED, stream))

    def _execute(self, place: Place, job: Job) -> Execution:
        work, region = job.work, place.scope[1]
        environment = {
            **work.environment,
            "AWS_BATCH_JOB_ID": job.id,
            "AWS_BATCH_JOB_ATTEMPT": str(len(job.attempts) + 1),
            "AWS_BATCH_JQ_NAME": job.queue,
            "AWS_BATCH_CE_NAME": job.environment_arn.rpartition("/")[2],
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            **self._surroundings.endpoint(),
            **(self._surroundings.credentials(place.scope, work.role_arn, job.id) if work.role_arn else {}),
        }
        if job.parent is not None:
            environment["AWS_BATCH_JOB_ARRAY_INDEX"] = str(job.index)
            environment["AWS_BATCH_JOB_ARRAY_SIZE"] = str(len(job.parent.children))
        name = f"batch-{job.id.replace(':', '-')}-{len(job.attempts) + 1}"
        return self._starter.start(name, work.image, work.command, environment)

    def _attend(self, place: Place, job: Job, execution: Execution, stream: str) -> tuple[int, str]:
        """Wait for the end of an attempt, or bring it about: its exit code and why it was ended, "" when it was not."""
        overdue_at = time.monotonic() + (job.work.timeout_s or float("inf"))
        kill_at, why = float("inf"), ""
        while True:
            code = execution.wait(_LOOK_EVERY_S)
            lines = execution.new_lines(code is not None)
            if lines:
                self._surroundings.log(place.scope, job.log_group, stream, lines)
            if code is not None:
                return code, why
            if not why and (why := self._reason_to_end(job, overdue_at)):
                execution.ask_to_end()
                kill_at = time.monotonic() + (1.0 if self._closed else self._limits.grace_s)
            if time.monotonic() >= kill_at:
                execution.end()

    def _reason_to_end(self, job: Job, overdue_at: float) -> str:
        if job.ending or time.monotonic() >= overdue_at:
            return job.ending or TIMED_OUT
        if time.monotonic() >= job.lost_at:
            return job.lost_why
        return HOST_LOST if self._surroundings.is_interrupted(job.id, len(job.attempts) + 1) else ""

    def _finish(self, place: Place, job: Job, attempt: Attempt) -> None:
        with self.lock:
            job.attempts.append(attempt)
            del self._running[job.id]
            place.used_vcpus[job.environment_arn] -= job.work.vcpus
            job.lost_at, job.lost_why = float("inf"), ""
            for environment in place.catalogue.environments.values():
                updating.settle(environment, self._jobs())
            if attempt.exit_code == 0 and not job.ending and attempt.status_reason == EXITED:
                job.enter("SUCCEEDED", attempt.status_reason, self._now())
            elif goes_again(job, attempt) and not self._closed:
                self._make_runnable(place, job)
            else:
                job.enter("FAILED", job.ending or attempt.status_reason, self._now())
            self.go_on()

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _parts(job: Job) -> Iterator[Job]:
    """What of a job runs: itself, or the children of an array."""
    yield from job.children or (job,)

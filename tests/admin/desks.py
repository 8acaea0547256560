"""Parts of a desk as tests hand them to pages: what a gateway would say, and what it was asked to do."""

from __future__ import annotations

from datetime import UTC, datetime

from admin.desk.jobs import JobBusyError, JobState
from admin.desk.models import Said
from config.errors import InvalidRequestError, NotFoundError, UpstreamError

WHEN = datetime(2026, 11, 20, 12, tzinfo=UTC)


def _entry(name, kind, weight, **more):
    nobody = {"override": None, "changed_by": None, "changed_at": None}
    return {"name": name, "kind": kind, "live": True, "file": 1.0, "effective": weight, "share": 0.5, **nobody, **more}


class Models:
    """Two models with a deployment each; weights can be set, `good` answers, `cheap` does not."""

    def __init__(self):
        self.set = {"cheap": 1.0, "good": 1.0}
        self.done = []
        self.believed = []

    def weights(self):
        entries = []
        for name, weight in self.set.items():
            entries.append(_entry(name, "model", weight))
            entries.append(_entry(f"{name}/one", "deployment", weight, model=name, priority=0))
        return {"weights": entries, "ignored": []}

    def health(self):
        benched = {"until_s": 12.5, "scope": "model", "reason": "transient", "requests": 9, "failures": 8}
        return {"cheap/one": {"state": "open", **benched}}

    def load(self):
        return {"cheap/one": (2, 0.25), "good/one": (0, None)}

    async def change_weights(self, weights, *, changed_by):
        if not any({**self.set, **weights}.values()):
            raise InvalidRequestError("nobody is left", code="nothing_left")
        self.set.update({name: 1.0 if value is None else value for name, value in weights.items()})
        self.done.append(("weights", dict(weights), changed_by))

    def trip(self, deployment, *, changed_by):
        self._act("trip", deployment, changed_by)

    def reset(self, deployment, *, changed_by):
        self._act("reset", deployment, changed_by)

    def _act(self, what, deployment, changed_by):
        if not deployment.endswith("/one"):
            raise KeyError(deployment)
        self.done.append((what, deployment, changed_by))

    def beliefs(self):
        return self.believed

    async def change_beliefs(self, rows, *, changed_by):
        if any(not 0 <= each["quality"] <= 1 for each in rows):
            raise InvalidRequestError("no number from 0 to 1", param="rows")
        self.believed = list(rows)
        self.done.append(("believe", len(rows), changed_by))

    async def ask(self, model, question):
        if model != "good":
            raise UpstreamError("it is down", failure_class="transient")
        return Said(f"<b>{question}</b>", 12.0, 3, 0.001)


class Learning:
    """Three versions of what was learned, the middle one in force."""

    def __init__(self):
        self.active = "v-00000002"

    def told(self):
        known = {"version": self.active, "n_lessons": 12, "n_unkept": 0, "n_refused": 1, "learned_until": None}
        return {"status": "ok", "mode": "live", **known}

    async def curve(self):
        static = {"success_rate": 0.4, "low": 0.2, "high": 0.6, "n_effective": 9.0}
        return [
            {"day": "2026-11-19", "success_rate": 0.5, "low": 0.3, "high": 0.7, "n": 12, "static": None},
            {"day": "2026-11-20", "success_rate": 0.8, "low": 0.6, "high": 0.9, "n": 20, "static": static},
        ]

    async def versions(self):
        return [self._version(f"v-0000000{n}") for n in (3, 2, 1)]

    def _version(self, name):
        state = "active" if name == self.active else "shadow" if name.endswith("3") else "retired"
        recipe = {"why": "learned <i>", "n_lessons": 12}
        rate = None if name.endswith("1") else 0.8
        metrics = {"n": 20, "success_rate": rate, "low": 0.6, "high": 0.9}
        made = {"created": WHEN.isoformat(), "activated": None, "created_by": "gateway", "parent": None}
        return {"id": name, "state": state, "recipe": recipe, "metrics": metrics, **made}

    async def promote(self, version, *, by):
        del by
        if version not in {"v-00000001", "v-00000002", "v-00000003"}:
            raise NotFoundError("no such version", param="version")
        self.active = version
        return version

    async def rollback(self, version, *, by):
        return await self.promote(version or "v-00000001", by=by)


class Jobs:
    """Jobs that stand still: a test says how they ended."""

    def __init__(self):
        self.jobs = []

    async def start(self, kind, subject, command, *, by):
        for job in self.jobs:
            if job.kind == kind and job.status == "running":
                raise JobBusyError(job.id)
        self.add(kind=kind, subject=subject, by=by, lines=tuple(command))
        return self.jobs[-1].id

    def add(self, *, status="running", result=None, **told):
        known = {"id": f"job-{len(self.jobs)}", "started": WHEN, "ended": None, "step": "", "done": 0, "total": 0}
        self.jobs.append(
            JobState(**{"by": "a", "lines": (), "subject": "x", **known, **told}, status=status, result=result)
        )

    def all(self):
        return tuple(reversed(self.jobs))

    def find(self, job):
        return next((each for each in self.jobs if each.id == job), None)

    async def cancel(self, job):
        return self.find(job) is not None

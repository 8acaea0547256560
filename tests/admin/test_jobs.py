"""What pages look up of long work: the newest job of a kind, and why one failed."""

from __future__ import annotations

import pytest

from admin.desk.jobs import newest, of_kind
from tests.admin.desks import Jobs


@pytest.fixture
def jobs():
    """Three jobs, two of a kind."""
    jobs = Jobs()
    jobs.add(kind="forge", subject="old")
    jobs.add(kind="forge", subject="new")
    jobs.add(kind="evaluate", subject="other")
    return jobs


def test_newest_job_of_a_kind_is_found_behind_those_of_others(jobs):
    """Whatever began after it is of no account; a kind that never ran has none."""
    found = newest(jobs, "forge")

    assert "new" == found.subject
    assert None is newest(jobs, "compare")


def test_jobs_of_a_kind_come_newest_first(jobs):
    """Those of other kinds are left out."""
    assert ["new", "old"] == [each.subject for each in of_kind(jobs, "forge")]


def test_gateway_without_jobs_has_none():
    """Nothing is found, and nothing is raised."""
    assert (None, ()) == (newest(None, "forge"), of_kind(None, "forge"))


@pytest.mark.parametrize(
    ("status", "reason"), [("failed", "3\n4\n5\n6\n7\n8\n9\n10"), ("running", ""), ("done", ""), ("cancelled", "")]
)
def test_only_a_job_that_failed_gives_its_last_words_as_the_reason(jobs, status, reason):
    """The last eight lines; what others said is no reason."""
    jobs.add(kind="forge", status=status, lines=tuple(str(n) for n in range(1, 11)))

    assert reason == newest(jobs, "forge").reason

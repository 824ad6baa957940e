"""First come, first served, and clients take turns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.broker.jobs import FairQueue, Job


def job(name: str, owner: str) -> Job:
    return Job(name, owner.encode(), owner, [], 10, "")


def test_one_client_s_heap_does_not_keep_another_waiting() -> None:
    queue = FairQueue()
    for name in ("a1", "a2", "a3", "b1", "b2", "c1"):
        queue.add(job(name, name[0]))
    assert [job.name for job in queue] == ["a1", "b1", "c1", "a2", "b2", "a3"]


@given(st.lists(st.sampled_from("abc"), max_size=20))
def test_jobs_are_taken_in_the_order_that_was_told(owners: list[str]) -> None:
    queue = FairQueue()
    for number, owner in enumerate(owners):
        queue.add(job(f"{owner}{number:02}", owner))
    told = [job.name for job in queue]
    assert len(queue) == len(owners) and queue.size == 10 * len(owners)
    taken = []
    while (head := next(iter(queue), None)) is not None:
        queue.take(head)
        taken.append(head.name)
    assert taken == told
    for owner in "abc":
        own = [name for name in taken if name[0] == owner]
        assert own == sorted(own)


def test_removed_jobs_leave_no_gap() -> None:
    queue = FairQueue()
    jobs = [job(name, name[0]) for name in ("a1", "b1", "a2")]
    for each in jobs:
        queue.add(each)
    queue.remove(jobs[1])
    assert [j.name for j in queue] == ["a1", "a2"] and queue.count(b"b") == 0

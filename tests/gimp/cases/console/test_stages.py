"""A painting's stages, whatever the order in which user and server act: the driver between two that only take notes."""

from __future__ import annotations

import pytest

from tests.gimp.session import GimpSession

pytestmark = pytest.mark.gimp

PREPARE = """
import sys
sys.path[:0] = [folder, folder + "/vendor"]
from canvas.sources import Source
from painting.destination import Destination
from painting.painting import Painting
from server.events import Cancelled, Failed, Finished, Paused, PictureArrived, Progress
from server.protocol import Picture

class Server:
    "What is asked of it stands in `said`; what it answers, in `news`."
    welcome = {"device": "CPU"}
    def __init__(self):
        self.said, self.news, self.jobs = [], [], 0
    def submit(self, request, *, until, previews, preview_every):
        self.jobs += 1
        self.said.append(f"submit {request} {until}")
        return f"job {self.jobs}"
    def next_event(self, timeout):
        return self.news.pop(0) if self.news else None
    def __getattr__(self, name):
        return lambda job, *more: self.said.append(" ".join([name.rstrip("_"), *map(str, more)]))

class Notes(Destination):
    def __init__(self, layers):
        super().__init__(image, [Source(each, each.get_name(), (0, 0, 8, 8)) for each in layers])
        self.set = {"strength": 50.0, "seed": 0}
        self.collected = []
    def begin(self, number):
        return number
    def settings(self, number):
        return self.set
    def adjust(self, changes):
        self.set = {**self.set, **changes}
    def looked_at(self):
        return []
    def still_fits(self, source):
        return True
    def name(self, number):
        return f"result {number}"
    def collect(self, number, event, picture):
        self.collected.append(number)
    def keep(self):
        return []

image = new_image(8, 8)
layers = [new_layer(image, name, 8, 8) for name in ("one", "two")]
server = Server()
work = Painting(server, Notes(layers), live=False)

def hear(*events):
    "Hear what the server says of the job at hand, and return what was said to it meanwhile."
    before = len(server.said)
    server.news += [each(f"job {server.jobs}") for each in events]
    work.poll()
    return server.said[before:]

small = Picture(8, 8, 3, "u8", bytes(192))
step = lambda job: Progress(job, 1, 1, 1, 9, 0.1, 5.0, {}, 8, 8)
paused = lambda job: Paused(job, 0.3)
final = lambda job: PictureArrived(job, "final", small)
finished = lambda job: Finished(job, 1.0, False, {}, "CPU")
failed = lambda job: Failed(job, "bad-picture", "A picture cannot be used.", "Use another.", {"detail": "so it is"})
"""


def run(console: GimpSession, script: str) -> object:
    return console.run(PREPARE + script, folder=str(console.plugin), timeout=60)


def test_a_preview_is_refined_applied_and_followed_by_the_next(console: GimpSession) -> None:
    answer = run(
        console,
        """
work.preview()
early = work.update({"strength": 60.0, "seed": 0}), list(server.said)
begun = hear(step), work.previewed
ready = hear(paused), work.previewed
live = work.update({"strength": 70.0, "seed": 0}), work.previewed
fixed = work.can_update({"strength": 70.0, "seed": 1})
refined = hear(paused), work.previewed
work.apply()
applied = server.said[-1]
late = hear(paused)  # was on its way while it was told to go on
first = hear(final, finished), [*work.destination.collected], work.done
second = hear(step, final, finished), work.destination.collected, work.done
result = [early, begun, ready, live, fixed, refined, applied, late, first, second]
""",
    )
    assert answer == [
        [True, ["submit 0 preview"]],  # the engine has not got it yet
        [["update {'strength': 60.0}"], False],
        [[], True],
        [True, False],
        False,
        [[], True],
        "continue",
        ["continue"],
        [["submit 1 full"], [0], False],
        [[], [0, 1], True],
    ]


def test_it_is_applied_while_it_is_refined(console: GimpSession) -> None:
    said = run(
        console,
        """
work.preview()
hear(step, paused)
work.update({"strength": 70.0})
work.apply()
hear(paused)
hear(final, finished)
result = server.said
""",
    )
    assert said == ["submit 0 preview", "update {'strength': 70.0}", "continue", "continue", "submit 1 full"]


def test_a_preview_that_was_the_whole_job_is_collected_when_it_is_applied(console: GimpSession) -> None:
    answer = run(
        console,
        """
work.preview()
hear(step, final, finished)
other, same = work.can_update({"strength": 60.0}), work.can_update({"strength": 50.0})
before = work.previewed, work.destination.collected[:], other, same
work.apply()
result = [before, work.destination.collected, server.said]
""",
    )
    assert answer == [[True, [], False, True], [0], ["submit 0 preview", "submit 1 full"]]


def test_stopped_before_and_after_it_has_begun(console: GimpSession) -> None:
    answer = run(
        console,
        """
work.start()
work.stop()
again = hear(step)  # the first request was refused, since the job waited
hear(final, finished)
kept = work.destination.collected, work.done
work = Painting(server, Notes(layers), live=False)
work.start()
work.stop()
hear(Cancelled)
result = [again, kept, work.destination.collected, work.done, server.said]
""",
    )
    assert answer == [["stop"], [[0], True], [], True, ["submit 0 full", "stop", "stop", "submit 0 full", "stop"]]


def test_what_ends_a_job_leaves_nothing_to_be_cancelled(console: GimpSession) -> None:
    answer = run(
        console,
        """
from common.errors import PluginError
work.start()
try:
    hear(failed)
except PluginError as error:
    told = error.sentence
work.abandon()
work = Painting(server, Notes(layers[:1]), live=False)
work.start()
try:
    hear(Cancelled)
except PluginError as error:
    unasked = error.sentence
work = Painting(server, Notes(layers), live=False)
work.start()
work.abandon()
result = [told, unasked, work.done, server.said]
""",
    )
    assert answer == [
        "Layer “one”: A picture cannot be used: so it is.",
        "The painting server canceled the job.",
        True,
        ["submit 0 full", "submit 0 full", "submit 0 full", "cancel"],
    ]


def test_it_goes_on_as_the_first_of_several(console: GimpSession) -> None:
    """Where those take it and only live settings differ."""
    answer = run(
        console,
        """
class Several(Notes):
    def __init__(self, **settings):
        super().__init__(layers)
        self.set = {**self.set, **settings}
    def goes_on_from(self, begun):
        return True

work.preview()
hear(step, paused)
wanted = Several(strength=20.0)
result = [work.go_on_to(each) for each in (Notes(layers), Several(seed=9), wanted)]
work.apply()
result += [work.destination is wanted, server.said]
""",
    )
    assert answer == [False, False, True, True, ["submit 0 preview", "update {'strength': 20.0}", "continue"]]

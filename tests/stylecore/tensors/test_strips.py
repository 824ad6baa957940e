"""Several processes paint what one paints: losses, gradient, picture and state."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from stylecore.device.engine import Engine
from stylecore.device.memory_budget import MemoryPlan
from stylecore.events import ScaleStarted, StepDone
from stylecore.objective.anchor import Anchor
from stylecore.objective.colours.lines import BINS, directions
from stylecore.objective.in_blocks import Blocks
from stylecore.objective.layers import SHALLOW
from stylecore.objective.objective import BalancedObjective, GramObjective, Objective, PaperObjective
from stylecore.objective.regions import StylePicture
from stylecore.objective.weighting import Weighting
from stylecore.painting.checkpoint import load, save
from stylecore.painting.job import Job
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings
from stylecore.tensors.resampling import resize, resize_rows, upsample_with_detail
from stylecore.tensors.strips import LEAST_ROWS, UNIT, Ranks, Strip
from tests import device
from tests.stylecore.objective.test_blocks import border, network, pictures, relative
from tests.thin_network import CHANNELS

HEIGHT, WIDTH = 205, 83  # nothing that is a multiple of anything

CASES: dict[str, Callable[[], tuple[type[Objective], dict[str, Any]]]] = {
    "balanced": lambda: (BalancedObjective, {}),
    "gram": lambda: (GramObjective, {}),
    "paper": lambda: (PaperObjective, {}),
    "guided": lambda: (BalancedObjective, {
        "guide": _ramp(WIDTH).expand(HEIGHT, WIDTH).contiguous(),
        "emphasis": 0.5 + _ramp(HEIGHT)[:, None].expand(HEIGHT, WIDTH).contiguous(),
    }),
    "held to a coarser one": lambda: (BalancedObjective, {"layers": SHALLOW}),
}  # fmt: skip


def _ramp(length: int) -> Tensor:
    return torch.linspace(0, 1, length)


def _objective(thin: Path, case: str, content: Tensor, style: Tensor, strip: Strip) -> Objective:
    kind, more = CASES[case]()
    if "layers" in more:
        coarse = resize(pictures(HEIGHT, WIDTH)[2], (HEIGHT // 2, WIDTH // 2)).to(content)
        more["anchor"] = Anchor(coarse, WIDTH, strip)
    # A second style of its own region, too low to be shared; the first is shared.
    lower = (_ramp(HEIGHT)[:, None].expand(HEIGHT, WIDTH) * 2 - 1).clamp(0, 1).contiguous()
    styles = [StylePicture(style), StylePicture(style[:, :, :90].flip(1), paints_where=lower)]
    weighting = Weighting(0.3, 1.0, 0.5 if kind is BalancedObjective else 0.0)
    pooling, rescaled = ("max", True) if kind is BalancedObjective else ("average", False)
    # In float64: rounding lets a pooling take its other neighbour now and then, and hides what strips do wrong.
    net = network(thin, pooling, rescaled, torch.float64)
    return kind(net, strip.cut(content), styles, weighting, blocks=Blocks(net, 0.5), strip=strip, **more)


def _compare(thin: Path, ranks: Ranks) -> dict[str, list[float]]:
    """Return each case's relative errors: of the losses, of the gradient, and of the gradient at the border."""
    content, style, image = (picture.double() for picture in pictures(HEIGHT, WIDTH))
    errors = {}
    for case in CASES:
        strip = Strip(HEIGHT, ranks)
        assert strip.shared
        found = _objective(thin, case, content, style, strip)(strip.cut(image))
        gradient = strip.gathered(found.gradient)
        if gradient is not None:
            expected = _objective(thin, case, content, style, Strip(HEIGHT))(image)
            errors[case] = [
                ((found.losses - expected.losses) / expected.losses).abs().max().item(),
                relative(gradient, expected.gradient),
                relative(border(gradient), border(expected.gradient)),
            ]
    return errors


def _job(engine: Engine, ranks: Ranks) -> Job:
    """A job that uses everything: guide, transparency, strength map, two styles, the photo's colours, an odd height, and a
    last scale of the shallow layers that is held to the one before.

    With few steps at its last scale, which is the shared one: rounding grows from step to step, once a pooling takes its
    other neighbour.
    """
    height, width = 211, 90
    content, style, _ = (picture[0].permute(1, 2, 0).numpy() for picture in pictures(height, width))
    content = np.dstack([content, np.clip(np.linspace(-0.2, 2, width), 0, 1)[None].repeat(height, 0)]).astype(np.float32)
    upper = np.linspace(1.4, -0.4, height).clip(0, 1)[:, None].repeat(width, 1).astype(np.float32)
    styles = [Style(style, 2.0), Style(np.ascontiguousarray(style[::-1, :, ::-1]), 1.0, upper)]

    wanted = Settings(
        quality="draft", precision="float32", colours="photo", colours_amount=40, iterations=3, pooling="average"
    )
    guide = np.full((height, width), 0.9, np.float32)
    job = Job(engine, PaintRequest(content, styles, wanted, mask=guide, strength_map=1 - upper / 2), ranks=ranks)
    # In blocks in any case, as they are in strips.
    job.scales = [replace(each, way=MemoryPlan(blocks=True, history=10)) for each in job.scales]
    job.scales[-1] = replace(job.scales[-1], shallow=True)
    return job


def _paint(thin: Path, ranks: Ranks, folder: Path) -> dict[str, Any]:
    """Paint with one interruption in the last scale, and tell what came out."""
    engine = Engine("cpu", str(thin), threads=1)
    job, steps = _job(engine, ranks), 0
    for event in job.run():
        shared = job._strip.shared
        if isinstance(event, ScaleStarted):
            steps = 0
        elif isinstance(event, StepDone) and shared:
            steps += 1
            if steps == 2:
                state = job.state()
                if ranks.rank == 0:
                    save(folder / "state", state)
                break
    assert shared
    whole = job.image()
    for each in job.run():
        last = each
    picture = job.image()
    ranks.agree(0)  # the file is there
    second = _job(engine, ranks)
    second.restore(load(folder / "state"))
    list(second.run())
    return {"picture": picture, "resumed": second.image(), "middle": whole, "last": type(last).__name__}


def _work(rank: int, count: int, thin: Path, folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", store=dist.FileStore(str(folder / "meeting"), count), rank=rank, world_size=count)
    ranks = Ranks.joined()
    errors = _compare(thin, ranks)
    traffic = dict(ranks.traffic)
    painted = _paint(thin, ranks, folder)
    if rank == 0:
        torch.save({"errors": errors, "traffic": traffic, **painted}, folder / "found")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, thin_weights: Path) -> dict[str, Any]:
    """What three processes find: one with a neighbour above, one with a neighbour below, and one with both."""
    folder = tmp_path_factory.mktemp("ranks")
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    count = 3
    torch.multiprocessing.start_processes(_work, (count, thin_weights, folder), nprocs=count, start_method="spawn")
    return {"folder": folder, **torch.load(folder / "found", weights_only=False)}


@pytest.fixture(scope="module", autouse=True)
def on_one_thread() -> Iterator[None]:
    """What several processes paint on a thread each is compared with is painted on one: other numbers round otherwise."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def alone(engine: Engine) -> Job:
    job = _job(engine, Ranks())
    list(job.run())
    return job


@pytest.mark.parametrize("case", CASES)
def test_the_gradient_is_the_wholes(found: dict[str, Any], case: str) -> None:
    assert max(found["errors"][case]) <= 1e-8


@device.processor_only("the ranks are processors")
def test_the_picture_is_what_one_process_paints(found: dict[str, Any], alone: Job) -> None:
    picture = alone.image()
    assert found["last"] == "Finished"
    assert np.abs(found["picture"] - picture).max() <= 1 / 255
    assert np.abs(found["picture"][..., :3] - alone._materials.content[0].permute(1, 2, 0).numpy()).mean() > 0.02  # painted


def test_an_interruption_leaves_no_trace(found: dict[str, Any]) -> None:
    assert found["resumed"].tobytes() == found["picture"].tobytes()
    assert np.abs(found["middle"] - found["picture"]).max() > 0.02


@device.processor_only("the ranks are processors")
def test_a_state_of_several_goes_on_in_one(found: dict[str, Any], engine: Engine) -> None:
    job = _job(engine, Ranks())
    job.restore(load(found["folder"] / "state"))
    list(job.run())
    assert np.abs(found["picture"] - job.image()).max() <= 1 / 255


def test_little_is_exchanged(found: dict[str, Any]) -> None:
    """Halos and sums, not pictures: what a rank sends in an evaluation does not grow with its strip's height."""
    traffic = found["traffic"]
    # Moments of a case's layers and two regions, of one evaluation and one preparation of content and styles.
    layers = [CHANNELS[:3] if case == "held to a coarser one" else CHANNELS for case in CASES]
    moments = sum(c * (c + 1) for channels in layers for c in channels) * 8
    assert 0.9 < traffic["sums"] / (moments * (2 + 2 + 1)) < 1.1
    # Counts of the content's colours and of the image's, in two regions and the balanced objective's three cases.
    assert traffic["palette"] == len(directions()) * BINS * 8 * 2 * 2 * 3
    assert 0 < traffic["halos"] < WIDTH * 2000 * len(CASES)


@given(st.integers(1, 9), st.integers(16, 3000))
def test_strips_cover_the_picture(count: int, height: int) -> None:
    strips = [Strip(height, Ranks(rank, count)) for rank in range(count)]
    if not strips[0].shared:
        assert count == 1 or height < count * LEAST_ROWS
        assert all((strip.top, strip.bottom) == (0, height) for strip in strips)
        return
    assert strips[0].top == 0 and strips[-1].bottom == height
    for above, below in itertools.pairwise(strips):
        assert above.bottom == below.top and below.top % UNIT == 0
    assert min(strip.bottom - strip.top for strip in strips) >= LEAST_ROWS - UNIT
    whole = torch.arange(height)[:, None].expand(height, 2)
    assert torch.equal(torch.cat([strip.cut(whole) for strip in strips]), whole)


@settings(max_examples=30, deadline=None)
@given(st.integers(16, 90), st.integers(16, 60), st.floats(1.0, 2.5), st.data())
def test_rows_of_an_enlargement_are_the_enlargements(height: int, width: int, factor: float, data: st.DataObject) -> None:
    image = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(height))
    size = round(height * factor), round(width * factor)
    top = data.draw(st.integers(0, size[0] - 1))
    bottom = data.draw(st.integers(top + 1, size[0]))
    assert torch.allclose(resize_rows(image, size, top, bottom), resize(image, size)[:, :, top:bottom], atol=5e-5)
    content = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    part = upsample_with_detail(image, content, top, bottom)
    assert torch.allclose(part, upsample_with_detail(image, content)[:, :, top:bottom], atol=1e-4)

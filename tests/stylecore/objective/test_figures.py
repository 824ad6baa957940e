"""A style's figures: where the photo is even, or none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from stylecore.device.engine import Engine
from stylecore.files.pictures import Pixels
from stylecore.objective.figures import room_for_figures, without_figures
from stylecore.objective.in_blocks import Blocks
from stylecore.objective.objective import BalancedObjective
from stylecore.objective.regions import StylePicture
from stylecore.objective.weighting import strength_weighting
from stylecore.painting.job import Job
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings


def _half_busy(height: int, width: int) -> Tensor:
    """Even on the left, with a soft gradient as of a sky; full of edges on the right."""
    picture = torch.linspace(0.4, 0.6, height)[:, None].repeat(3, 1, width)
    squares = (torch.arange(height)[:, None] // 8 + torch.arange(width) // 8) % 2 * 0.8 + 0.1
    picture[..., width // 2 :] = squares[:, width // 2 :]
    return picture[None]


@pytest.mark.parametrize("size", [(96, 128), (300, 400)])
def test_figures_are_kept_off_what_is_busy(size: tuple[int, int]) -> None:
    room = room_for_figures(_half_busy(*size))
    width = room.shape[1]
    assert float(room[:, : width // 4].min()) > 0.99
    assert float(room[:, 3 * width // 4 :].mean()) < 0.12


def test_a_photos_grain_is_not_detail() -> None:
    picture = _half_busy(160, 240)
    grain = torch.randn(picture.shape, generator=torch.Generator().manual_seed(0)) * 0.02
    room = room_for_figures((picture + grain).clamp(0, 1))
    assert float(room[:, :60].min()) > 0.9
    assert float(room[:, 180:].mean()) < 0.3


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (7, 3)])
def test_even_pictures_of_any_size_take_figures_everywhere(size: tuple[int, int]) -> None:
    assert room_for_figures(torch.full((1, 3, *size), 0.3)).eq(1).all()


def test_a_picture_that_is_busy_all_over_has_little_room() -> None:
    squares = (torch.arange(120)[:, None] // 4 + torch.arange(160) // 4) % 2
    assert float(room_for_figures(squares.float().repeat(1, 3, 1, 1)).max()) < 0.15


def test_deep_layers_pull_where_there_is_room(real_engine: Engine) -> None:
    """As strongly as ever there, and hardly where the photo is busy."""
    content = _half_busy(96, 128)
    style = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    network = real_engine.network(Settings(), real_engine.arithmetic("float32"))
    image = (content * 0.8 + 0.1).to(network.device)

    def pull(room: Tensor | None) -> Tensor:
        weighting = strength_weighting(100.0, 0.0, (0.0, 0.0, 0.0, 1.0, 1.0), palette=0.0, edges=0.0)
        objective = BalancedObjective(
            network, content.to(network.device), [StylePicture(style.to(network.device))], weighting, room=room
        )
        gradient = objective(image).gradient
        return torch.stack([gradient[..., :40].norm(), gradient[..., 88:].norm()])

    even, busy = (pull(room_for_figures(content)) / pull(None)).tolist()
    assert 0.3 < even < 3
    assert busy < 0.5 * even


def test_blocks_keep_figures_off_as_one_piece_does(engine: Engine) -> None:
    generator = torch.Generator().manual_seed(2)
    # Rounding would decide which of pixels that are alike is the greatest.
    content = _half_busy(160, 224) * 0.9 + 0.05 * torch.rand(1, 3, 160, 224, generator=generator)
    style = torch.rand(1, 3, 128, 128, generator=generator)
    network = engine.network(Settings(), engine.arithmetic("float32"))
    room, image = room_for_figures(content), (content * 0.8 + 0.1).to(network.device)
    gradients = [
        BalancedObjective(
            network, content.to(network.device), [StylePicture(style.to(network.device))],
            strength_weighting(70.0, 0.5), None, blocks, room=room,
        )(image).gradient
        for blocks in (None, Blocks(network, 0.3))
    ]  # fmt: skip
    assert float((gradients[0] - gradients[1]).norm() / gradients[0].norm()) < 1e-4


def test_none_leaves_the_deepest_layer_out() -> None:
    assert without_figures((1.0, 1.0, 1.0, 1.0, 1.0)) == (1.0, 1.0, 1.0, 0.25, 0.0)
    assert without_figures((0.0, 2.0, 0.0, 0.0, 5.0)) == (0.0, 2.0, 0.0, 0.0, 0.0)
    assert without_figures((0.0, 0.0, 0.0, 0.0, 1.0)) == (0.0, 0.0, 0.0, 0.0, 1.0), "there is nothing else to paint with"


def test_each_choice_paints_another_picture(engine: Engine, content: Pixels, style: Pixels) -> None:
    results = []
    for figures in ("none", "few", "all"):
        settings = Settings(quality="draft", iterations=3, figures=figures)
        job = Job(engine, PaintRequest(content, [Style(style)], settings))
        for _ in job.run():
            pass
        results.append(job.image())
    assert all(np.abs(a - b).mean() > 1 / 255 for a, b in zip(results, [*results[1:], results[0]], strict=True))


def test_what_was_painted_before_there_was_a_choice_had_all_of_them() -> None:
    assert Settings.from_stored({"version": 1, "strength": 60.0}).figures == "all"

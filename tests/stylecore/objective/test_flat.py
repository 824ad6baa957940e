"""A layer of one colour is painted on like any other, and pictures with something in them as ever."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stylecore.device.engine import Engine
from stylecore.files.pictures import Pixels
from stylecore.objective.flat import least_spread, roughened
from stylecore.painting.job import Job
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings


def painted(engine: Engine, content: Pixels, style: Pixels, **settings: object) -> Pixels:
    job = Job(engine, PaintRequest(content, [Style(style)], Settings(quality="draft", **settings)))
    for _ in job.run():
        pass
    return job.image()


def test_white_and_black_layers_are_painted_and_stay_light_and_dark(real_engine: Engine, style: Pixels) -> None:
    lightness = []
    for grey in (0.0, 1.0):
        result = painted(real_engine, np.full((48, 48, 3), grey, np.float32), style)
        assert result.std(axis=(0, 1)).max() > 0.05, "there are strokes"
        lightness.append(result.mean())
    assert lightness[0] + 0.1 < lightness[1]


def test_a_faint_style_on_a_flat_layer_is_faint(engine: Engine, style: Pixels) -> None:
    flat = np.full((64, 64, 3), 0.5, np.float32)
    assert np.abs(painted(engine, flat, style, strength=2) - flat).mean() < 0.03


def test_only_what_is_flat_where_it_is_painted_is_roughened(content: Pixels) -> None:
    picture = torch.from_numpy(content).permute(2, 0, 1)[None]
    assert roughened(picture, None, 50.0, 0) is picture
    left_white = picture.clone()
    left_white[..., :48] = 1.0
    guide = torch.zeros(96, 96)
    guide[:, :48] = 1.0
    rough = roughened(left_white, guide, 50.0, 0)
    assert torch.equal(rough[..., 48:], left_white[..., 48:]), "nothing is done where it is not painted"
    assert rough[..., :48].std().item() > 0.01
    assert roughened(left_white, 1 - guide, 50.0, 0) is left_white


@pytest.mark.parametrize("side", [64, 256, 512])
def test_photographs_are_far_from_the_least_spread(real_engine: Engine, side: int) -> None:
    from tests.stylecore.conftest import sample

    picture = torch.from_numpy(sample("content", side)).permute(2, 0, 1)[None].to(real_engine.device)
    network = real_engine.network(Settings(), real_engine.arithmetic("float32"))
    with torch.no_grad():
        spread = network.features(picture, ["conv4_2"])["conv4_2"].var(unbiased=False).item()
    assert spread > 1.5 * least_spread((side, side))

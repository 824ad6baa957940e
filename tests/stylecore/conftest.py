"""Pictures and engines that the engine's tests share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stylecore.device.engine import Engine
from stylecore.files.pictures import Pixels
from tests import device

SAMPLES = Path(__file__).parents[2] / "samples"


def sample(folder: str, side: int) -> Pixels:
    """The first sample picture of a folder, cut square and scaled to ``side`` px."""
    path = sorted((SAMPLES / folder).glob("*.jpg"))[0]
    with Image.open(path) as file:
        picture = file.convert("RGB")
    edge = min(picture.size)
    square = picture.crop((0, 0, edge, edge)).resize((side, side), Image.Resampling.LANCZOS)
    return np.asarray(square, np.float32) / np.float32(255)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Compute on one thread, whatever an engine of the test before has set for the whole process."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def engine(thin_weights: Path) -> Engine:
    """An engine that is quick: its network has few channels (:mod:`tests.thin_network`)."""
    return Engine(device.name(), str(thin_weights), threads=1)


@pytest.fixture(scope="session")
def real_engine() -> Engine:
    """An engine with the network that users have, for what hangs on it: looks, losses, memory."""
    return Engine(device.name(), threads=1)


@pytest.fixture(scope="session")
def content() -> Pixels:
    return sample("content", 96)


@pytest.fixture(scope="session")
def style() -> Pixels:
    return sample("styles", 96)

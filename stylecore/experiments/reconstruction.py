"""What a layer of the network knows of a picture: figure 1 of Gatys, Ecker and Bethge (arXiv 1508.06576).

The content of a layer is shown by the picture that has the same features there, the style of a set of layers by one that
has the same Gram matrices there; both are found from white noise.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from stylecore.device.engine import Engine
from stylecore.events import StepDone
from stylecore.objective.layers import STYLE_LAYERS
from stylecore.objective.objective import Evaluation
from stylecore.optimiser.lbfgs import BoxLBFGS
from stylecore.painting.inputs import Pixels, picture_tensors
from stylecore.painting.job import Job
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings

#: The layers of the figure, for the content one by one, for the style from the first to each.
LAYERS = STYLE_LAYERS

# The mean squared error is divided by the variance of the features, and kept off 0 for a picture that has none.
_LEAST_VARIANCE = 1e-6


def content_of(
    engine: Engine,
    picture: Pixels,
    layer: str,
    *,
    steps: int = 200,
    seed: int = 0,
    progress: Callable[[float], bool] | None = None,
) -> tuple[Pixels, float]:
    """Return a picture with the same features at ``layer`` as ``picture``, and what is left of their variance as error.

    Args:
        engine: device and network; the paper's (average pooling, original activations).
        picture: H × W × 3 or 4, float32 in [0, 1]; transparency is left out.
        layer: e.g. ``'conv4_1'``.
        steps: of the optimiser.
        seed: of the noise.
        progress: told the fraction done; returns whether to go on.

    Raises:
        StyleError: the picture cannot be used.
    """
    network = engine.network(Settings(objective="paper"), engine.arithmetic())
    given, _ = picture_tensors(picture, "content", engine.device)
    with torch.no_grad():
        target = network.features(given, {layer})[layer].float()
    unit = target.var(unbiased=False).clamp_min(_LEAST_VARIANCE)

    def evaluate(image: Tensor) -> Evaluation:
        image = image.detach().requires_grad_(True)
        loss = (network.features(image, {layer})[layer].float() - target).square().mean() / unit
        (gradient,) = torch.autograd.grad(loss, image)
        return Evaluation(loss.detach().reshape(1), gradient)

    noise = torch.rand(given.shape, generator=torch.Generator().manual_seed(seed)).to(given)
    optimiser = BoxLBFGS(noise, evaluate)
    for step in range(steps):
        optimiser.step()
        if optimiser.stuck or (progress is not None and not progress((step + 1) / steps)):
            break
    return optimiser.image[0].permute(1, 2, 0).cpu().numpy().copy(), optimiser.losses[0]


def style_of(
    engine: Engine,
    picture: Pixels,
    count: int,
    *,
    steps: int = 200,
    seed: int = 0,
    progress: Callable[[float], bool] | None = None,
) -> tuple[Pixels, float]:
    """Return a picture with the Gram matrices of ``picture`` at the first ``count`` of :data:`LAYERS`, and the loss left.

    Arguments and errors are those of :func:`content_of`; coarser scales come first, as in any job.
    """
    weights = " ".join("1" if number < count else "0" for number in range(len(LAYERS)))
    # At strength 100 the content has no say; each layer's distance is divided by that of a grey picture, without which
    # one layer would decide (the paper's network is scaled for that, the published weights are not).
    settings = Settings(
        strength=100.0,
        statistics="gram",
        pooling="average",
        layer_weights=weights,
        start="noise",
        seed=seed,
        iterations=steps,
    )
    size = picture.shape[:2]
    grey = np.full((*size, 3), 0.5, np.float32)
    job = Job(engine, PaintRequest(grey, [Style(picture)], settings))
    loss = 0.0
    for event in job.run():
        if isinstance(event, StepDone):
            loss = event.style_loss
            if progress is not None and not progress(event.fraction):
                job.stop()
    return job.image(), loss

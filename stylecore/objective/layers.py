"""Which layers of the network say what a picture is to become: all of them, or at fine scales the shallow ones."""

from __future__ import annotations

from dataclasses import dataclass

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
CONTENT_LAYER = "conv4_2"


@dataclass(frozen=True)
class Layers:
    """The layers of an objective's terms.

    Args:
        style: those whose moments are to be the style's: the first ones of :data:`STYLE_LAYERS`.
        content: the one whose features are to be the content's.
        content_share: how many times the content's weight applies there.
        held: the weight of :class:`stylecore.objective.anchor.Anchor`, which holds the picture to its coarser self.
    """

    style: tuple[str, ...] = STYLE_LAYERS
    content: str = CONTENT_LAYER
    content_share: float = 1.0
    held: float = 0.0


#: Every layer, as at the scales that decide what becomes of the picture.
DEEP = Layers()
#: What a fine scale takes: an evaluation costs half. The deep layers see so little of a large picture at once that most of
#: what they have to say was said at the scale before, to which the picture is held instead. With less of the content's
#: own detail strokes are bolder, but a mesh of pixels shows on them (benchmarks/README.md).
SHALLOW = Layers(STYLE_LAYERS[:3], "conv3_1", content_share=0.5, held=4.0)

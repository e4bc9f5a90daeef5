"""RISE: the average of random masks, each weighted by the class score of the masked image.

Formula: ``M = 1 / (N p) sum_i P(X * m[i]) m[i]``, P the class's probability, X the image and m[i] a
grid of cells, each 1 with probability p, resized bilinearly to one cell more than the image and
cropped at a random offset.

Departures from the paper: 1,000 masks rather than 4,000 (VGG) or 8,000 (ResNet), for each is a
pass. Masks are drawn per target from the seed and the target's name, not once for all images, so
that batch and order change nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.errors import OptionError
from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "rise",
    title="Random masks weighted by the score of the masked image",
    family="perturbation",
    needs=(),
    cost="many",
    paper=Paper(
        authors="Petsiuk, Das, Saenko",
        title="RISE: Randomized Input Sampling for Explanation of Black-box Models",
        venue="BMVC",
        year=2018,
        link="https://arxiv.org/abs/1806.07421",
    ),
)
def rise(
    forward: Forward,
    *,
    masks: int = 1000,
    cells: int = 7,
    probability: float = 0.5,
    seed: int = 0,
    batch_size: int = 8,
) -> Tensor:
    """Random masks weighted by the class's probability, ``[T, H, W]``.

    Costs a pass per mask and target.

    Args:
        forward: the shared pass, of which only the images are used.
        masks: N.
        cells: height and width of the grid.
        probability: p, of a cell to stay.
        seed: of the masks.
        batch_size: masked images at a time; more than 8 pay on a GPU only.
    """
    import torch

    from wsolbench.perturb import scorer, spans

    if masks < 1 or cells < 1 or not 0 < probability <= 1:
        raise OptionError(
            "expected masks and cells of rise to be at least 1 and its probability in (0, 1], but "
            f"got {masks}, {cells} and {probability}"
        )
    saliency = forward.images.new_zeros(len(forward), *forward.input_hw)
    generators, labels = forward.generators(seed), forward.labels.tolist()
    with scorer(forward) as logits_of:
        for row, image in enumerate(forward.images[forward.image_index]):
            for start, stop in spans(masks, batch_size):
                drawn = [
                    draw_mask(generators[row], forward.input_hw, cells, probability)
                    for _ in range(start, stop)
                ]
                batch = torch.stack(drawn).to(image)
                scores = logits_of(batch[:, None] * image).softmax(1)[:, labels[row]]
                saliency[row] += torch.einsum("n,nhw->hw", scores, batch)
    return saliency / (masks * probability)


def draw_mask(
    generator: Generator, input_hw: tuple[int, int], cells: int, probability: float
) -> Tensor:
    """One mask in [0, 1], ``[H, W]``."""
    import torch

    from wsolbench.perturb import resized

    grid = (torch.rand(1, cells, cells, generator=generator) < probability).float()
    sides = [-(-side // cells) for side in input_hw]
    offsets = [int(torch.randint(side, (1,), generator=generator)) for side in sides]
    large = resized(grid, [(cells + 1) * side for side in sides])[0]
    (y, x), (height, width) = offsets, input_hw
    return large[y : y + height, x : x + width]

import pytest
import torch
from reference.nets import HandNet
from reference.passes import maps_of

from wsolbench.errors import OptionError
from wsolbench.registry import METHODS

LEFT, RIGHT = torch.tensor([[3.0, 0], [1, 0]]), torch.tensor([[0, 1.0], [0, 2]])
IMAGE = torch.stack([LEFT, RIGHT, RIGHT])[None]


def test_by_hand():
    # two concepts, each a channel of its own; the class reads the first with a positive weight
    (maps,) = maps_of("dff", HandNet(), IMAGE, [0], concepts=2)
    torch.testing.assert_close(maps, LEFT)
    (maps,) = maps_of("dff", HandNet(), IMAGE, [1], concepts=2)
    torch.testing.assert_close(maps, RIGHT)  # weights -3 and 0


def test_the_factors_are_non_negative_and_close():
    import sys

    factorize = sys.modules[METHODS["dff"].source].factorize
    generator = torch.Generator().manual_seed(0)
    what, where = (
        torch.rand(2, 6, 3, generator=generator),
        torch.rand(2, 3, 20, generator=generator),
    )
    values = (what @ where).double()
    ours, theirs = factorize(values, 3, 500)
    assert ours.min() >= 0
    assert theirs.min() >= 0
    assert (ours @ theirs - values).norm() < 0.02 * values.norm()


@pytest.mark.parametrize("wrong", [{"concepts": 0}, {"steps": -1}])
def test_wrong_options_are_refused(wrong):
    with pytest.raises(OptionError, match="concepts and steps of dff"):
        maps_of("dff", HandNet(), IMAGE, [0], **wrong)

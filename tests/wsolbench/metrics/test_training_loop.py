"""Metrics in anybody's training loop: tensors as they come."""

import pytest
import torch

from wsolbench.errors import InputError
from wsolbench.metrics import MaxBoxAcc, MaxBoxAccV2


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_tensors_with_a_graph_and_of_any_float_type(dtype):
    maps = torch.zeros(1, 8, 8, dtype=dtype)
    maps[0, 2:6, 2:6] = 1
    boxes = [torch.tensor([[2, 2, 6, 6]])]
    assert MaxBoxAccV2.of(maps.requires_grad_(), boxes).compute() == 1


def test_an_empty_batch_counts_nothing():
    assert MaxBoxAcc.of(torch.zeros(0, 8, 8), []) == MaxBoxAcc()


def test_a_map_without_boxes_is_named():
    with pytest.raises(InputError, match="for every map, but map 1 has none"):
        MaxBoxAcc.of(torch.rand(2, 8, 8), [[[0, 0, 3, 3]], []])


def test_states_of_other_metrics_do_not_add_up():
    with pytest.raises(InputError, match="but got MaxBoxAcc and MaxBoxAccV2"):
        MaxBoxAcc() + MaxBoxAccV2()

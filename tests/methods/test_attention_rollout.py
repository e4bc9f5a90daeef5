import pytest
import torch
from reference.nets import GapNet, TinyVit, real_net
from reference.passes import maps_of, noise

from wsolbench.attention import keep_attention
from wsolbench.errors import OptionError, UnsupportedError


def heads_of(net, images):
    """The attention weights of every block of a TinyVit, asked for the official way."""
    kept = []

    def ask(_, args, kwargs):
        return args, {**kwargs, "need_weights": True, "average_attn_weights": False}

    handles = []
    for block in net.blocks:
        handles.append(block.attention.register_forward_pre_hook(ask, with_kwargs=True))
        handles.append(block.attention.register_forward_hook(lambda *a: kept.append(a[2][1])))
    net(images)
    for handle in handles:
        handle.remove()
    return kept


def test_by_hand():
    net, images = TinyVit().eval(), noise(2)
    first, second = (w.mean(1).detach() for w in heads_of(net, images))
    eye = torch.eye(first.shape[1])
    expected = ((second + eye) / 2 @ ((first + eye) / 2))[:, 0, 1:].reshape(2, 8, 12)
    torch.testing.assert_close(maps_of("attention-rollout", net, images, [0, 1]), expected)


def test_small_weights_can_be_left_out():
    net, images = TinyVit().eval(), noise(1)
    steps = []
    for weights in heads_of(net, images):
        flat = weights.mean(1)[0].detach().flatten()
        flat[flat.argsort()[: len(flat) // 2]] = 0
        step = flat.view(97, 97) + torch.eye(97)
        steps.append(step / step.sum(1, keepdim=True))
    expected = (steps[1] @ steps[0])[0, 1:].reshape(1, 8, 12)
    maps = maps_of("attention-rollout", net, images, [0], discard=0.5)
    torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-6)


def test_the_logits_stay_what_they_were():
    net, images = real_net("vit", noise(2, (32, 32))), noise(2, (32, 32)).double()
    with torch.no_grad():
        expected = net(images)
        with keep_attention(net) as kept:
            torch.testing.assert_close(net(images), expected)
        assert [w.shape for w in kept] == [(2, 2, 17, 17)] * 2
        assert net(images).equal(expected)
    for weights in kept:
        torch.testing.assert_close(weights.sum(-1), torch.ones(2, 2, 17).double())


def test_networks_without_attention_are_refused():
    with pytest.raises(
        UnsupportedError, match=r"GapNet is none; methods that work on it: .*gradcam"
    ):
        maps_of("attention-rollout", GapNet(), noise(), [0, 0, 0])


def test_attention_in_windows_is_refused():
    with pytest.raises(UnsupportedError, match="every token attends to all others"):
        maps_of("attention-rollout", real_net("swin", noise(2)), noise(2), [0, 0])


def test_other_shares_are_refused():
    with pytest.raises(OptionError, match=r"in \[0, 1\), but got 1.0"):
        maps_of("attention-rollout", TinyVit(), noise(1), [0], discard=1.0)

import threading

import pytest
import torch
from reference.attention import attend
from reference.nets import GapNet, TinyVit, real_net
from reference.passes import noise
from torch import nn
from torch.nn import functional

from wsolbench.attention import attention_of, classify_tokens, keep_attention
from wsolbench.errors import InputError
from wsolbench.forward import run_forward
from wsolbench.models import as_classifier


class FusedAttention(nn.Module):
    """As timm has it: one linear layer for all, and fused attention."""

    def __init__(self, width, heads=2):
        super().__init__()
        self.heads, self.qkv, self.proj = (
            heads,
            nn.Linear(width, 3 * width),
            nn.Linear(width, width),
        )

    def forward(self, tokens):
        batch, count, width = tokens.shape
        mixed = self.qkv(tokens).reshape(batch, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        out = functional.scaled_dot_product_attention(*mixed.unbind(0))
        return self.proj(out.transpose(1, 2).reshape(batch, count, width))


class FusedBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm, self.attn = nn.LayerNorm(width), FusedAttention(width)

    def forward(self, tokens):
        return tokens + self.attn(self.norm(tokens))


class AskingBlock(nn.Module):
    """Asks `torch.nn.MultiheadAttention` for weights that it does not use."""

    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)

    def forward(self, tokens):
        normed = self.norm(tokens)
        return tokens + self.attention(normed, normed, normed)[0]


def vit_of(block):
    torch.manual_seed(0)
    net = TinyVit()
    net.blocks = nn.Sequential(block(8), block(8))
    return net.eval()


def run(net, needs, labels=(1, 2), hw=(64, 96)):
    return run_forward(
        as_classifier(net, input_hw=hw),
        noise(2, hw),
        image_index=[0, 1],
        labels=list(labels),
        keys="ab",
        needs=needs,
    )


@pytest.mark.parametrize("block", [FusedBlock, AskingBlock])
def test_blocks_of_other_kinds_are_found(block):
    found = attention_of(as_classifier(vit_of(block), input_hw=(64, 96)))
    assert found.blocks == ("blocks.0", "blocks.1")
    assert found.tokens.prefix == 1


def test_weights_of_fused_attention():
    net = vit_of(FusedBlock)
    (weights, _) = run(net, {"attention"}).attention()
    patches = net.patch(noise(2)).flatten(2).transpose(1, 2)
    tokens = net.blocks[0].norm(torch.cat([net.token.expand(2, -1, -1), patches], 1))
    like = nn.MultiheadAttention(8, 2, batch_first=True)
    like.in_proj_weight.data, like.in_proj_bias.data = (
        net.blocks[0].attn.qkv.weight.data,
        net.blocks[0].attn.qkv.bias.data,
    )
    torch.testing.assert_close(weights, attend(like, tokens)[0].detach(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("leaf", [False, True])
def test_nothing_stays_behind(leaf):
    net, fused = vit_of(AskingBlock), functional.scaled_dot_product_attention

    def fail_inside():
        with keep_attention(net, leaf=leaf) as kept:
            net(noise(1))
            assert all(weights.requires_grad for weights in kept)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_inside()
    assert functional.scaled_dot_product_attention is fused
    assert torch.backends.mha.get_fastpath_enabled()
    assert not any(part._forward_pre_hooks for part in net.modules())
    assert net.blocks[0].attention(*[torch.ones(1, 3, 8)] * 3)[1] is not None


def test_other_threads_are_left_alone():
    net = vit_of(FusedBlock)
    with keep_attention(net) as kept:
        other = threading.Thread(target=net, args=(noise(1),))
        other.start()
        other.join()
        assert not kept


def test_masks_and_causal_attention():
    query, mask = torch.randn(1, 2, 3, 4), torch.tensor([[True, True, False]] * 3)
    expected = functional.scaled_dot_product_attention(query, query, query, mask)
    with keep_attention(nn.Identity()) as kept:
        ours = functional.scaled_dot_product_attention(query, query, query, attn_mask=mask)
        added = torch.zeros(3, 3).masked_fill(~mask, -torch.inf)
        also = functional.scaled_dot_product_attention(query, query, query, added)
        functional.scaled_dot_product_attention(query, query, query, is_causal=True)
    torch.testing.assert_close(ours, expected)
    torch.testing.assert_close(also, expected)
    assert len(kept) == 2


def test_single_tokens_are_classified_by_the_network_itself():
    net, images = TinyVit().eval(), noise(1)
    tokens = torch.randn(5, 8)
    logits = classify_tokens(as_classifier(net, input_hw=(64, 96)), images, tokens)
    torch.testing.assert_close(logits, net.head(net.norm(tokens)))


def test_networks_without_it():
    assert attention_of(as_classifier(GapNet(), input_hw=(64, 96))) is None
    assert (
        attention_of(as_classifier(real_net("swin", noise(2)).float(), input_hw=(64, 96))) is None
    )


@pytest.mark.parametrize("read", ["attention", "attention_gradients"])
def test_it_must_be_asked_for(read):
    with pytest.raises(InputError, match="among its needs"):
        getattr(run(TinyVit(), {"gradients"}), read)()

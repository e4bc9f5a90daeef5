"""The attention of `TinyVit` and its gradients, the obvious way: one image at a time."""

import torch
from torch.nn import functional


def weights_and_gradients(net, image, label):
    """Weights ``[heads, N, N]`` of both blocks and the gradients of a logit at them."""
    patches = net.patch(image[None]).flatten(2).transpose(1, 2)
    tokens = torch.cat([net.token, patches], 1)
    kept = []
    for block in net.blocks:
        weights, out = attend(block.attention, block.norm1(tokens))
        tokens = tokens + out
        tokens = tokens + block.mlp(block.norm2(tokens))
        kept.append(weights)
    logit = net.head(net.norm(tokens)[:, 0])[0, label]
    gradients = torch.autograd.grad(logit, kept)
    return [w.detach()[0] for w in kept], [g[0] for g in gradients]


def attend(attention, tokens):
    """Weights ``[1, heads, N, N]`` and output of a `torch.nn.MultiheadAttention`."""
    batch, count, width = tokens.shape
    mixed = functional.linear(tokens, attention.in_proj_weight, attention.in_proj_bias)
    query, key, value = (
        part.view(batch, count, attention.num_heads, -1).transpose(1, 2)
        for part in mixed.chunk(3, -1)
    )
    weights = (query @ key.mT / query.shape[-1] ** 0.5).softmax(-1)
    out = (weights @ value).transpose(1, 2).reshape(batch, count, width)
    return weights, attention.out_proj(out)

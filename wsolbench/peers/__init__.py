"""Methods of other libraries, run as methods of this suite: `grad-cam:GradCAM`, `captum:Saliency`.

One module per library. Each has ``names()``, every class that it offers, and ``resolve(name)``, one
of them as a `wsolbench.method.Method`. `wsolbench.registry.METHODS` reaches them by prefix; they
are no part of "all".

What holds for all of them:

- They run on a copy of the network's structure that shares its weights (`borrowed`), so that no
  hook, gradient, replaced layer or flag of theirs ever reaches the network itself.
- In that copy no layer works in place: a following in-place ReLU would overwrite what their hooks
  keep.
- They make forward passes of their own, of no more images at once than the batch holds; an image
  with several classes is repeated. Methods that draw random numbers, or that mix the images of a
  batch, are given one target at a time, and draw from the target's own seed.
- Their maps are taken before they are resized and normalised, where the library lets one.
"""

"""A record written by hand, for tests of reports."""


def number(method, protocol, metric, value, policy=None, **more):
    return {
        "method": method,
        "protocol": protocol,
        "metric": metric,
        "policy": policy,
        "value": value,
        "threshold": [],
        "total": 8,
        "higher_is_better": True,
        "per_class": [],
        **more,
    }


def numbers(method, box_accuracy, strict, pointing):
    """Numbers of one method: (calibrated, fixed, oracle), an error rate and one without policy."""
    rows = [
        number(method, "wsol2020", metric, value, policy)
        for metric in ("MaxBoxAcc", "GT-known Loc", "MaxBoxAccV2", "MaxBoxAccV2@50")
        for policy, value in zip(("oracle", "calibrated", "fixed"), box_accuracy, strict=True)
    ]
    error = number(method, "cam2016", "Top-1 error", strict, "fixed", higher_is_better=False)
    return [*rows, number(method, "pointing-game", "Pointing game", pointing), error]


LONG = "layercam(layers=layer1+layer2+layer3+layer4,normalise=False)"
RECORD = {
    "schema": 1,
    "run_id": "20260101-000000-abcdef",
    "dataset": {
        "name": "squares",
        "splits": {
            "test": {
                "images": 1234,
                "targets": 1500,
                "expected_images": 2000,
                "rescaled": 3,
                "logits_not_finite": 0,
                "problems": 766,
                "problems_listed": [{"id": "cut", "reason": "the image cut.png is cut off."}],
            },
            "train-fullsup": {
                "images": 100,
                "targets": 100,
                "expected_images": None,
                "rescaled": 0,
                "logits_not_finite": 2,
                "problems": 0,
                "problems_listed": [],
            },
        },
        "no_calibration": "",
    },
    "model": {"name": "resnet50", "weights": "imagenet", "target_layer": "layer4"},
    "methods": [
        {"label": "center", "family": "floor"},
        {"label": "cam", "family": "activation"},
        {"label": LONG, "family": "gradient"},
    ],
    "left_out": {"liftcam": "liftcam needs a network that ends in one linear layer"},
    "protocols": [
        {"label": "wsol2020", "fingerprint": "0123456789ab"},
        {"label": "pointing-game", "fingerprint": "cdef01234567"},
        {"label": "cam2016", "fingerprint": "89abcdef0123"},
    ],
    "classification": {"top1": {"value": 0.7625}, "top5": {"value": None}},
    "metrics": [
        *numbers("center", (0.5, 0.45, 0.4), 0.7, 0.61),
        *numbers("cam", (0.6, 0.55, 0.5), 0.5, None),
        *numbers(LONG, (1.0, 0.56, 0.35), 0.4, 0.9),
    ],
    "not_finite": {LONG: 12},
    "seconds": {},
}

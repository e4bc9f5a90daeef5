from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsolbench.errors import OptionError
from wsolbench.spec import Spec, parse_specs


@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        ("cam", "cam", {}),
        (" cam ( ) ", "cam", {}),
        ("gradcam++", "gradcam++", {}),
        ("random(seed=1,grid=7)", "random", {"seed": 1, "grid": 7}),
        ("wsol2020(normaliser=ivr)", "wsol2020", {"normaliser": "ivr"}),
        ("x(layer=layer4.2.conv3)", "x", {"layer": "layer4.2.conv3"}),
        ("x(a='b', c=True, d=None, e=1e-3)", "x", {"a": "b", "c": True, "d": None, "e": 1e-3}),
        ("x(ious=(0.3,0.5),n=2)", "x", {"ious": (0.3, 0.5), "n": 2}),
        ("x(ious=[0.3,0.5])", "x", {"ious": [0.3, 0.5]}),
    ],
)
def test_parsing(text, name, options):
    spec = Spec.parse(text)
    assert (spec.name, dict(spec.options)) == (name, options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected name"),
        ("a b", "expected name"),
        ("a(b", "expected name"),
        ("a(b)", "option=value inside the parentheses"),
        ("a(1=2)", "option=value"),
        ("a(b=1,b=2)", "b twice"),
    ],
)
def test_what_is_no_spec(text, message):
    with pytest.raises(OptionError, match=message):
        Spec.parse(text)


def test_lists_of_specs():
    text = "cam, random(seed=1,grid=7), x(ious=(0.3,0.5)),"
    assert [str(spec) for spec in parse_specs(text)] == [
        "cam",
        "random(grid=7,seed=1)",
        "x(ious=(0.3, 0.5))",
    ]
    assert parse_specs(" , ") == []


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,5}", fullmatch=True),
        st.integers() | st.booleans() | st.tuples(st.floats(0, 1), st.floats(0, 1)),
        max_size=3,
    )
)
def test_the_canonical_form_means_the_same(options):
    spec = Spec("name", options)
    assert Spec.parse(str(spec)) == spec
    assert hash(Spec.parse(str(spec))) == hash(spec)

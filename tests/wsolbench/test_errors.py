"""The exception tree."""

import inspect

import pytest

from wsolbench import errors

CLASSES = [cls for _, cls in inspect.getmembers(errors, inspect.isclass)]


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if issubclass(cls, Exception)])
def test_every_error_is_in_the_one_tree_and_in_its_drawing(cls):
    assert issubclass(cls, errors.WsolbenchError)
    assert cls.__name__ in errors.__doc__
    assert cls.exit_code == (2 if issubclass(cls, errors.UsageError) else 1)


@pytest.mark.parametrize(
    ("cls", "base"),
    [
        (errors.UnknownNameError, KeyError),
        (errors.OptionError, ValueError),
        (errors.InputError, ValueError),
        (errors.SampleError, errors.DataError),
        (errors.UnsupportedError, errors.ModelError),
    ],
)
def test_errors_can_be_caught_by_their_builtin_kin(cls, base):
    assert issubclass(cls, base)


def test_unknown_name_tells_close_matches_and_what_exists():
    error = errors.UnknownNameError("method", "gradcan", ["layercam", "gradcam"], "Look again.")
    assert str(error) == (
        "unknown method 'gradcan'. Did you mean gradcam? Known: gradcam, layercam. Look again."
    )


def test_unknown_name_without_close_match_or_known_names():
    assert str(errors.UnknownNameError("method", "x", [])) == "unknown method 'x'. Known: none."


def test_long_lists_of_names_are_left_out():
    names = [f"class-{number}" for number in range(61)]
    message = str(errors.UnknownNameError("class", "class-7x", names))
    assert "Known" not in message
    assert "Did you mean class-7" in message

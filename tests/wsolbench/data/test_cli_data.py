"""The verbs of ``wsolbench data`` as a user runs them."""

import json
import subprocess
import sys
from importlib.util import find_spec

import pytest
from reference.data_sets import md5, save_image

PLUGIN = """
from wsolbench.dataset import Download
from wsolbench.registry import DATASETS
from wsolbench.sample import Instance, Sample

@DATASETS.register(
    "plugged", title="T", classes=("cat", "dog"), splits={{"test": {expected}}},
    annotations=("labels", "boxes"), licence="L", citation="C", homepage="H", layout="DIR/*.png",
    downloads=({downloads}),
)
def plugged(root, split):
    for path in sorted(root.glob("*.png")):
        yield Sample(path.stem, path, (20, 10), (0, 1), (Instance(0, (1, 1, 5, 5)), Instance(1, (2, 2, 19, 9))))
"""  # noqa: E501


@pytest.fixture
def plugin(tmp_path):
    def write(expected=None, downloads="", multilabel=True):
        text = PLUGIN.format(expected=expected, downloads=downloads)
        if multilabel:
            text = text.replace('layout="DIR/*.png"', 'layout="DIR/*.png", multilabel=True')
        path = tmp_path / "plugin.py"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def root(tmp_path):
    for i in range(3):
        save_image(tmp_path / "root" / f"{i}.png", seed=i)
    return tmp_path / "root"


def run(*arguments, **options):
    command = [sys.executable, "-m", "wsolbench", "data", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def test_list_tells_what_is_found_and_never_loads_torch(plugin, root):
    code = (
        "import sys; sys.argv[1:] = sys.argv[1:]\n"
        "from wsolbench.cli import main\n"
        "try: main()\n"
        "finally: assert 'torch' not in sys.modules and 'matplotlib' not in sys.modules\n"
    )
    arguments = ["data", "list", "--data-root", root, "--plugin", plugin(expected=5), "--json"]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = {entry["name"]: entry for entry in json.loads(done.stdout)}
    assert found["plugged"]["found"] == str(root)
    assert found["plugged"]["splits"] == {"test": 5}
    assert found["voc2007"]["found"] is None
    assert found["digit-scenes"]["found"] == "made in the cache folder"


def test_verify_exits_with_its_verdict(plugin, root):
    sound = run("verify", "plugged", "--data-root", root, "--plugin", plugin(expected=3))
    assert (sound.returncode, "no fault, no remark" in sound.stdout) == (0, True)
    faulty = run("verify", "plugged", "--data-root", root, "--plugin", plugin(expected=4), "--json")
    assert faulty.returncode == 1
    (finding,) = json.loads(faulty.stdout)["findings"]
    assert finding["text"] == "3 usable images; the published split has 4"


def test_stats_draws_a_figure(plugin, root, tmp_path):
    figure = tmp_path / "figure.svg"
    done = run(
        "stats", "plugged", "--data-root", root, "--plugin", plugin(), "--figure", figure, "--json"
    )
    values = json.loads(done.stdout)
    assert values["boxes"] == 6
    assert values["figures"] == [str(figure), str(figure.with_suffix(".png"))]
    assert figure.read_text().startswith("<?xml")


def test_convert_then_verify_what_was_written(plugin, root, tmp_path):
    out = tmp_path / "out"
    done = run(
        "convert", "plugged", "--to", "manifest", "--out", out, "--data-root", root, "--plugin",
        plugin(),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, f"test: 3 images\nwritten: {out}\n")
    assert run("verify", "manifest", "--data-root", out).returncode == 0


def test_download_extracts_or_says_how(plugin, host, tmp_path):
    content = (find_spec("wsolbench").origin or "").encode()
    host.files["/1.png"] = content
    entry = f'Download("{host.url}/1.png", "{md5(content)}", extract=False),'
    target = tmp_path / "new"
    done = run("download", "plugged", "--data-root", target, "--plugin", plugin(downloads=entry))
    assert done.returncode == 0, done.stderr
    assert (target / "1.png").read_bytes() == content
    assert f"Next: wsolbench data verify plugged --data-root {target}" in done.stdout
    manual = run("download", "plugged", "--data-root", target, "--plugin", plugin())
    assert manual.returncode == 1
    assert manual.stderr.startswith("wsolbench: error: plugged cannot be downloaded by a program")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["verify", "plugd"], 2, "unknown dataset 'plugd'. Did you mean plugged?"),
        (["verify", "plugged", "--data-root", "gone"], 1, "expected a folder as data root"),
        (["verify", "plugged"], 1, "plugged was not found on this machine"),
        (["verify", "plugged", "--workers", "-1"], 2, "'--workers'"),
        (["stats", "plugged", "--data-root", ".", "--split", "tset"], 2, "Did you mean test"),
        (["stats", "plugged", "--data-root", "."], 1, "holds no usable image of plugged test"),
        (["convert", "plugged", "--to", "yolo", "--out", "o", "--data-root", "."], 2, "layout"),
        (["download", "plugged"], 2, "--data-root"),
        (["list", "--data-root", "gone"], 1, "expected a folder as --data-root"),
    ],
)
def test_bad_requests_are_one_clear_line(plugin, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.delenv("WSOLBENCH_DATA", raising=False)
    done = run(*arguments, "--plugin", plugin(), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1

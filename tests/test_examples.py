"""The examples of gradients, on few cells and with few steps of their optimisers."""

from tests.documents import DOCS, read
from tests.test_docs import module_of

MOST_BYTES = 200_000  # of a picture on a page


def shrunk(name, folder, changes):
    """A script with other numbers in the place of its own: what it prints."""
    source = read(DOCS / "examples" / f"{name}.py")
    for old, new in changes.items():
        assert source.count(old) >= 1, f"{name} does not say {old}"
        source = source.replace(old, new)
    script = folder / f"{name}.py"
    script.write_text(source, encoding="utf-8")
    pages = module_of(DOCS / "pages.py")
    printed = "".join(text for _, text, _ in pages.executed(script, folder))
    for picture in folder.glob("*.png"):
        assert 0 < picture.stat().st_size < MOST_BYTES
    assert list(folder.glob("*.mp4"))
    return printed


def test_a_viscosity_is_found(tmp_path):
    changes = {"CELLS, FRAMES, SECONDS = 60, 12, 0.05": "CELLS, FRAMES, SECONDS = 24, 2, 0.05"}
    changes |= {"max_eval=9": "max_eval=2", '"maxfun": 14': '"maxfun": 2'}
    changes |= {"TALL = 180": "TALL = 64"}
    printed = shrunk("viscosity", tmp_path, changes)
    losses = [line.split()[4:9:2] for line in printed.splitlines() if line.startswith("with")]
    assert len(losses) == 2
    for before, after in losses:
        assert float(after) < 0.3 * float(before)


def test_a_jet_comes_nearer_to_the_cup(tmp_path):
    changes = {"2: (40, 16, 0.1)": "2: (20, 3, 0.1)", "WIDTH = 480": "WIDTH = 96"}
    changes |= {"FRAMES, SECONDS = 2, 28, 0.05": "FRAMES, SECONDS = 2, 6, 0.05"}
    printed = shrunk("jet", tmp_path, changes)
    losses = [float(line.split()[1]) for line in printed.splitlines() if line.startswith("loss")]
    assert losses[1] < losses[0]
    assert "before: 0% of the liquid is in the cup" in printed


def test_a_breakwater_is_shaped(tmp_path):
    changes = {"start(resolution=64": "start(resolution=32", "end[0] == 64": "end[0] == 32"}
    changes |= {
        "0.05, 30": "0.05, 12",
        "in range(5)": "in range(1)",
        "in range(50)": "in range(13)",
    }
    changes |= {"(640, 360)": "(128, 72)"}
    printed = shrunk("breakwater", tmp_path, changes)
    step, mound, breakwater = printed.splitlines()
    assert float(step.split()[3]) < 100.0
    assert mound.split("area")[1] == breakwater.split("area")[1]

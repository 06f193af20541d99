"""How Sphinx builds these pages: `make docs`."""

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

project = "fluidsim"
author = "the authors of fluidsim"
copyright = author
extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc", "sphinx.ext.mathjax"]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "fluidsim"
html_show_copyright = False
html_copy_source = False

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

autodoc_mock_imports = ["pyamgcl"]  # optional, compiled where it is installed
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the sections of the docstrings name the types
numpydoc_show_class_members = False  # autodoc lists the methods
python_maximum_signature_line_length = 88


def make_examples(app):
    """Run the scripts in examples/, in a process of their own, and write their pages."""
    subprocess.run([sys.executable, str(HERE / "pages.py")], check=True)


def escape_stars(app, what, name, obj, options, lines):
    """Shapes such as (*nodes, dim) are not the beginning of emphasis."""
    lines[:] = [re.sub(r"(?<=[(\s])\*(?=[a-z])", r"\\*", line) for line in lines]


def setup(app):
    app.connect("builder-inited", make_examples)
    app.connect("autodoc-process-docstring", escape_stars, priority=900)  # after numpydoc

# make demo   install what is needed, simulate the 3D dam break, write its video
# make test   install what is needed, run the tests (make test-slow: the long ones)
# make docs   build the documentation into docs/_build/html (a minute)
# make bench  measure the tables of docs/figures.md anew, on an idle machine (an hour; make
#             bench-schur: those of direct solvers)
# make verify  run the flows with known answers and write their page anew (ten minutes)
# make gpu-check  test and measure a GPU in eight minutes, with the torch that python3 has (make
#             gpu-wheels first, where packages can be fetched)
# make gallery  after make demo: draw the gallery's pictures anew, in ten minutes

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := renders/demo

.PHONY: demo test test-slow docs bench bench-schur verify gallery gpu-wheels gpu-check train lint clean

demo: $(VENV)/.installed
	rm -rf $(DEMO)
	$(BIN)/python scenes/dam_break.py --dim 3 --resolution 64 --frames 80 --size 960x540 --fps 24 --out $(DEMO)
	@echo "the video is $(CURDIR)/$(DEMO)/video.mp4"

test: $(VENV)/.installed
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: $(VENV)/.installed
	$(BIN)/python -m pytest -m slow

docs: $(VENV)/.documented
	$(BIN)/python -m sphinx -b html -q -W --keep-going docs docs/_build/html
	@echo "open $(CURDIR)/docs/_build/html/index.html"

bench: $(VENV)/.installed
	$(BIN)/python -m fluidsim.figures docs/figures.md

bench-schur: $(VENV)/.installed
	$(BIN)/python -m fluidsim.figures docs/figures.md schur stencils

verify: $(VENV)/.installed
	$(BIN)/fluidsim verify --out renders/gallery/verification

gallery: $(VENV)/.installed
	$(BIN)/python -m fluidsim.figures.stills
	$(BIN)/python -m fluidsim.figures.gallery

gpu-wheels: $(VENV)/.installed
	$(BIN)/pip download --quiet --no-deps --only-binary=:all: --python-version 3.12 \
	  --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \
	  -c constraints.txt -d wheels taichi dill pyamg

gpu-check:
	-$(PYTHON) -m pip install --quiet --no-index --no-deps --upgrade --target build/gpu wheels/*.whl
	PYTHONPATH=build/gpu:$(CURDIR) $(PYTHON) -m pytest -m cuda -n 8 tests/cuda tests/solvers
	PYTHONPATH=build/gpu:$(CURDIR) $(PYTHON) -m fluidsim.figures.gpu renders/gpu.json

train: $(VENV)/.installed
	$(BIN)/fluidsim train npsdo --dim 2 --minutes 18
	$(BIN)/fluidsim train npsdo --dim 3 --minutes 32 --rate 5e-4
	$(BIN)/fluidsim train npsdo-paper --dim 2 --minutes 5
	$(BIN)/fluidsim train npsdo-paper --dim 3 --minutes 8
	$(BIN)/fluidsim train fluidnet --dim 2 --minutes 20
	$(BIN)/fluidsim train fluidnet --dim 3 --minutes 20
	$(BIN)/fluidsim train dcdm --dim 2 --minutes 20 --rate 3e-3
	$(BIN)/fluidsim train dcdm --dim 3 --minutes 20 --rate 3e-3
	$(BIN)/fluidsim train mgno --dim 2 --minutes 14 --rate 3e-3
	$(BIN)/fluidsim train mgno --dim 3 --minutes 18 --rate 3e-3
	cp renders/npsdo/*_[23]d.safetensors solvers/npsdo/weights/
	$(BIN)/python -m solvers.npsdo.card

lint: $(VENV)/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/pyright

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt -e ".[dev]"
	touch $@

$(VENV)/.documented: $(VENV)/.installed
	$(BIN)/pip install --quiet -c constraints.txt -e ".[docs]"
	touch $@

clean:
	rm -rf $(VENV) build dist docs/_build *.egg-info

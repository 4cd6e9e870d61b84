# Two commands do all the set-up: `make demo` and `make test`. The rest is for those who work on Assay.
# A thin layer over meson: the rules are in meson.build.

BUILD ?= build
TESTS ?= true

# What `make demo` shows: its own clip and model, or yours: make demo MODEL=my.onnx VIDEO=my.mp4 TRUTH=my.json
DEMO_OPTIONS ?=

ASSAY = $(BUILD)/src/app/assay

# One thing after the other: ninja does the work side by side.
.NOTPARALLEL:
.PHONY: all demo test unit system soak build deps deps-test check check-sanitizers format bench clean

all: build

# The demo alone builds no tests: what those need is installed by `make test`.
demo: TESTS = false
demo: deps build
	$(ASSAY) demo --out demo-output $(if $(MODEL),--model "$(MODEL)") $(if $(VIDEO),--video "$(VIDEO)") \
	    $(if $(TRUTH),--truth "$(TRUTH)") $(DEMO_OPTIONS)

test: deps-test unit system

unit: $(BUILD)/build.ninja
	[ -d $(BUILD)/tests ] || meson configure $(BUILD) -Dtests=true
	ninja -C $(BUILD)
	meson test -C $(BUILD) --no-rebuild --print-errorlogs

system: build
	/usr/bin/python3 -m pytest -q tests/system --assay $(abspath $(ASSAY))

# The server, its children and a writer of its database killed a hundred times (CI does it a few times), and its
# memory after 100,000 requests and 200 videos: an hour or so.
SOAK_KILLS ?= 100
soak: build
	ASSAY_TEST_KILLS=$(SOAK_KILLS) $(BUILD)/tests/test_store_failures
	ASSAY_TEST_KILLS=$(SOAK_KILLS) /usr/bin/python3 -m pytest -q tests/system/test_server_data.py --assay $(abspath $(ASSAY))
	ASSAY_TEST_KILLS=$(SOAK_KILLS) /usr/bin/python3 -m pytest -q -s tests/system/test_server_failures.py -k killed --assay $(abspath $(ASSAY))
	/usr/bin/python3 -m pytest -q -s tests/soak --assay $(abspath $(ASSAY))

build: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD) -Dtests=$(TESTS)

deps:
	scripts/install-deps --build

deps-test:
	scripts/install-deps

check: build
	scripts/check-all $(BUILD)

format:
	git ls-files '*.c' '*.h' | xargs clang-format -i

# The system tests and a minute of load over builds with the address and undefined, then the thread sanitizer: hours.
# One sanitizer, some files: make check-sanitizers SANITIZERS="thread tests/system/test_uploads.py"
check-sanitizers: deps-test build
	scripts/check-sanitizers $(SANITIZERS)

bench: build
	bench/run $(abspath $(ASSAY))
	bench/eval_bench $(abspath $(ASSAY))

clean:
	rm -rf $(BUILD) demo-output

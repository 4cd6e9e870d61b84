# Two commands do all the set-up: `make demo` and `make test`. The rest is for those who work on Assay.
# A thin layer over meson: the rules are in meson.build.

BUILD ?= build
TESTS ?= true
DATA  ?= $(or $(ASSAY_TEST_DATA),../shared/data)

# What `make demo` shows; name your own: make demo MODEL=my.onnx VIDEO=my.mp4 TRUTH=my.json
ifeq ($(origin MODEL),undefined)
DEMO_OPTIONS ?= --classes person --confidence 0.01 --iou 0.45
endif
MODEL ?= $(DATA)/models/yolox_nano_416.onnx
VIDEO ?= $(DATA)/video_with_gt/vtest_PETS09-S2L1/vtest.mp4
TRUTH ?= $(DATA)/video_with_gt/vtest_PETS09-S2L1/gt.coco.json

ASSAY = $(BUILD)/src/app/assay

# One thing after the other: ninja does the work side by side.
.NOTPARALLEL:
.PHONY: all demo test unit system build deps deps-test check format bench clean

all: build

# The demo alone builds no tests: what those need is installed by `make test`.
demo: TESTS = false
demo: deps build
	$(ASSAY) validate "$(VIDEO)" --model "$(MODEL)" --truth "$(TRUTH)" $(DEMO_OPTIONS) \
	    --json demo-output/metrics.json --out demo-output/detections.jsonl --report demo-output/report.html
	@echo "metrics: demo-output/metrics.json, detections: demo-output/detections.jsonl"
	@echo "report, for a browser: $(abspath demo-output/report.html)"

test: deps-test unit system

unit: $(BUILD)/build.ninja
	[ -d $(BUILD)/tests ] || meson configure $(BUILD) -Dtests=true
	ninja -C $(BUILD)
	meson test -C $(BUILD) --no-rebuild --print-errorlogs

system: build
	/usr/bin/python3 -m pytest -q tests/system --assay $(abspath $(ASSAY))

build: $(BUILD)/build.ninja
	ninja -C $(BUILD)
	@mkdir -p demo-output

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

bench: build
	bench/run $(abspath $(ASSAY))

clean:
	rm -rf $(BUILD) demo-output

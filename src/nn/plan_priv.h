// SPDX-License-Identifier: Apache-2.0
// plan_priv.h - what plan*.c and step*.c share: where values lie, and the steps.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "nn/graph.h"
#include "nn/kernel.h"
#include "nn/plan.h"
#include "nn/view.h"

struct arena;
struct conv;
struct prim_matmul;

enum element {
    ELEMENT_F32,
    ELEMENT_BF16,
    ELEMENT_F16, // inputs and outputs only, as are those that follow
    ELEMENT_U8,
    ELEMENT_I8,
    ELEMENT_I32,
    ELEMENT_I64,
};

size_t element_size(enum element e);

enum block_kind {
    BLOCK_NONE,
    BLOCK_ARENA,    // *block* numbers a block of the instance's arena
    BLOCK_INPUT,    // an input tensor of the caller
    BLOCK_BYTES,    // of operands: the caller's bytes, or where the plan makes them of his floats
    BLOCK_CONSTANT, // the plan's constants, whole
};

// What bytes of the plan's own mean: value = scale * (u8 - zero_point). Scale 0: nothing, they are
// integers as they stand.
struct quant {
    float scale;
    int zero_point;
};

// A value's place. While a plan is made *view.offset* counts from the block's start.
struct place {
    enum block_kind kind;
    int block;
    enum element element;
    struct quant quant; // U8
    struct view view;
};

// A place when the plan is made.
struct operand {
    enum block_kind kind;
    int input;     // BLOCK_INPUT
    size_t offset; // bytes
};

// A nest of loops over up to three places: the outermost dimension first, dimensions that follow
// each other everywhere joined into one.
struct loop {
    int n_dims;
    int64_t dims[TENSOR_MAX_DIMS];
    int64_t strides[3][TENSOR_MAX_DIMS];
};

enum step_kind {
    STEP_UNSET,
    STEP_CONV,
    STEP_COPY,
    STEP_PLANES, // floats of planes into a picture
    STEP_UNARY,
    STEP_BINARY,
    STEP_MAX_POOL,
    STEP_AVERAGE_POOL,
    STEP_RESIZE,
    STEP_SOFTMAX,
    STEP_REDUCE,
    STEP_FILL,
    STEP_GATHER,
    STEP_GATHER_ELEMENTS,
    STEP_TOP_K,
    STEP_MATMUL,
    STEP_N_KINDS
};

struct step {
    enum step_kind kind;
    const char *name;       // the plan's; of the value it makes
    const char *input_name; // CONV: of the value it reads
    struct place in[3], out[2];
    int n_in, n_out;
    struct operand from[3], to[2]; // in and out, resolved
    struct loop loop;
    union {
        struct conv *conv;
        struct prim_matmul *matmul;
        struct graph_activation unary;
        struct {
            enum graph_binary kind;
            bool integer;
        } binary;
        struct graph_pool pool;
        struct {
            enum graph_resize kind;
            const int32_t *rows, *columns; // lower source index of each output row, column
            const float *row_weights, *column_weights; // LINEAR: of the next one
        } resize;
        int axis;
        struct {
            enum graph_reduce kind;
            uint32_t axes;
        } reduce;
        float fill;
        struct {
            int axis;
            bool smallest;
        } top_k;
    } u;
};

enum {
    CUT_MAX_LEVELS = 6,
    CUT_SIDES = 4, // of a box: left, top, right, bottom
    CUT_MAX_BINS = 64,
    CUT_MAX_MAPS = 3,   // of a level: distances, classes, and what is not ours; GRIDS: one
    CUT_GRID_BOXES = 3, // of a cell
};

// A raw map of the head: a picture of floats.
struct cut_map {
    int value; // of the graph
    int channels;
    struct place place;
    struct operand at; // resolved
    int64_t pixel_stride;
};

struct cut_level {
    int height, width;
    struct cut_map maps[CUT_MAX_MAPS];
    float stride;                     // pixels of the picture from one cell to the next
    float anchors[CUT_GRID_BOXES][2]; // GRIDS: width, height
};

// What is known of a head that is cut off.
struct cut {
    enum plan_cut kind; // NONE: there is none
    int output;         // of the graph's outputs
    int n_levels, n_maps;
    struct cut_level levels[CUT_MAX_LEVELS];
    int boxes, classes; // which of the maps
    int n_per_cell;     // rows of the output, one cell after another for each
    int n_anchors, n_columns;
    int n_wanted;       // columns, at least
    bool shifts_late;   // GRIDS: 2 s - 0.5 + x in place of 2 s + (x - 0.5)
    bool is_transposed; // (1, anchors, columns)
    bool is_half;       // the output's type
};

struct plan {
    // --- constant after plan_compile()
    struct arena *arena;
    struct step *steps;
    int n_steps;
    int n_body; // of them, what the cut head's maps need
    struct cut cut;
    uint8_t *constants;
    size_t n_constants; // bytes
    size_t n_arena;     // bytes of an instance, scratch and outputs included
    size_t scratch;     // offset in it
    size_t n_scratch;
    size_t n_weights;
    double operations;
    enum plan_precision precision;
    struct tensor inputs[32];  // shapes and types
    struct tensor outputs[32]; // likewise
    struct operand output_at[32];
    int n_inputs, n_outputs;
    int byte_input;
    int byte_step; // which makes bytes of that input's floats; -1: none
    // --- atomic
    atomic_int refs;
};

struct plan_instance {
    struct plan *plan; // owned reference
    // --- one thread at a time
    uint8_t *memory;
    size_t n_memory;
    const struct tensor *inputs; // during a run
    void *bytes;                 // likewise; NULL: the input is floats
    const atomic_bool *stop;     // borrowed
    plan_observer *observe;
    void *observe_arg;
    float *rows; // of plan_rows()
    size_t cap_rows;
    int64_t *step_ns; // NULL: not timed
    int64_t rows_ns;
    int64_t n_runs, n_whole_runs, n_row_runs;
};

// A block of the arena and when it is in use.
struct block {
    size_t n_bytes;
    int first, last; // steps
    size_t offset;
};

struct compiler {
    struct plan *plan;
    const struct graph *g;
    const struct plan_opts *opts;
    struct place *places;      // of values; kind NONE: not placed yet
    struct place *widened;     // of bf16 values: their copy in float32
    struct view_order *orders; // of values that a node computes
    struct home *homes;
    enum element *elements;
    struct quant *quants; // INT8: of values whose range is known
    enum element *smalls; // INT8: what a value is kept in where its maker and all readers can
    bool *wants_picture;  // a convolution or the like reads it, perhaps behind steps between
    bool *takes_bf16;     // all its readers do
    bool *is_body;        // nodes that the maps of a head to be cut off need
    int n_nested;         // concatenations being placed inside one another
    struct block *blocks;
    int n_blocks;
    size_t cap_blocks, cap_steps;
    size_t cap_constants;
};

// Where a value would like to lie: a part of a concatenation's output.
struct home {
    int concat; // value; -1: none
    int input;  // of the concat node
};

// --- plan_layout.c
int layout_orders(struct compiler *c) MUST_CHECK;
void layout_homes(struct compiler *c);
// The place where the node's output is to be written; made on first use.
int layout_place(struct compiler *c, int value, struct place *ret_place) MUST_CHECK;
int layout_new_block(struct compiler *c, enum element e, const struct view *v,
                     struct place *ret_place) MUST_CHECK;
int layout_constant(struct compiler *c, int value, struct place *ret_place) MUST_CHECK;
struct view concat_part(const struct graph *g, const struct graph_node *n, const struct view *whole,
                        int input);

// --- plan_step.c
int plan_add_step(struct compiler *c, struct step s, struct step **ret_step) MUST_CHECK;
const char *plan_name_of(const struct compiler *c, const struct graph_node *n);
// The place of a value that is there already.
int plan_place_of(struct compiler *c, int value, struct place *ret_place) MUST_CHECK;
int plan_add_copy(struct compiler *c, const char *name, const struct place *from,
                  const struct place *to) MUST_CHECK;
// The same value in *e* and in this order of dimensions, without gaps.
int plan_copy_as(struct compiler *c, const char *name, const struct place *from, enum element e,
                 const struct view_order *order, struct place *ret_place) MUST_CHECK;
// The same, into bytes of that meaning.
int plan_copy_quantised(struct compiler *c, const char *name, const struct place *from,
                        enum element e, const struct quant *quant, const struct view_order *order,
                        struct place *ret_place) MUST_CHECK;
// A value as a picture in *e*, copied where it is none.
int plan_picture_of(struct compiler *c, int value, enum element e, struct place *ret_place,
                    int64_t *ret_stride) MUST_CHECK;
int plan_add_node(struct compiler *c, const struct graph_node *n) MUST_CHECK;
int plan_add_outputs(struct compiler *c) MUST_CHECK;
int plan_add_inputs(struct compiler *c) MUST_CHECK;

// --- plan_conv.c
// Whether the code that runs it reads and writes bytes, the range of its input aside.
bool plan_conv_takes_int8(const struct compiler *c, const struct graph_node *n);
int plan_add_conv(struct compiler *c, const struct graph_node *n) MUST_CHECK;
void conv_destroy(struct conv *k); // NULL is a no-op
int conv_run(const struct conv *k, const void *in, const void *add, void *out,
             void *scratch) MUST_CHECK;
const char *conv_describe(const struct conv *k);

// Whether a node moves numbers without looking at them.
bool layout_only_moves(const struct graph_node *n);

// --- plan_int8.c
int plan_quantise(struct compiler *c) MUST_CHECK;
// What a convolution computes in: BF16 becomes FP32 where the CPU does not gain by it.
enum plan_precision plan_layer_precision(const struct compiler *c, const struct graph_node *n);
const struct plan_range *plan_range_of(const struct compiler *c, int value); // NULL: none

// --- plan_cut*.c
// Looks for the head in the graph; fills plan->cut's maps and is_body where it is there.
int cut_find(struct compiler *c) MUST_CHECK;
// Where the maps lie, once their nodes are steps. Gives the cut up where they are no pictures.
void cut_place_maps(struct compiler *c);
// Holds the cut head against the whole network's output, and gives it up where they differ.
int cut_prove(struct plan *p) MUST_CHECK;

// --- plan_run.c
int plan_run_steps(struct plan_instance *i, int first, int end) MUST_CHECK;
void *plan_at(const struct plan_instance *i, const struct operand *o);

// --- plan_memory.c
// Finds the step that a picture of bytes does without.
void plan_find_bytes(struct compiler *c);
// Live ranges, then an offset for each block; then every operand's.
int memory_plan(struct compiler *c) MUST_CHECK;

// --- step*.c
void loop_make(struct loop *l, const struct view *const *views, int n_views);
void step_planes(const struct step *s, const float *from, void *to);
enum kernel_type step_kernel_type(enum element e);
// (1, C, H, W) as kernels see it.
struct kernel_view step_picture(const struct place *p, const void *data);
void step_copy(const struct step *s, const void *from, void *to);
void step_unary(const struct step *s, const float *from, float *to);
void step_binary(const struct step *s, const void *x, const void *y, void *to);
void step_pool(const struct step *s, const void *from, void *to);
void step_resize(const struct step *s, const void *from, void *to);
void step_softmax(const struct step *s, const float *from, float *to);
void step_reduce(const struct step *s, const float *from, float *to);
void step_fill(const struct step *s, void *to);
void step_gather(const struct step *s, const float *from, const float *indices, float *to);
void step_gather_elements(const struct step *s, const float *from, const float *indices, float *to);
void step_top_k(const struct step *s, const float *from, float *values, float *indices,
                void *scratch);
size_t step_top_k_scratch(const struct step *s);

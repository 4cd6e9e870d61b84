// SPDX-License-Identifier: Apache-2.0
// fuzz_events.c - lists of timed events, as truth and as what was reported.

#include "eval_input.h"

#include "dataset/event_list.h"
#include "eval/events.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct dataset_input in = {.path = "input", .fd = eval_end(), .n_head = n};
    in.head = mem_strndup((const char *)bytes, n);
    assert(in.head);
    struct event_list *l = NULL;
    int r = event_list_read_from(&in, &l);
    assert((r == 0) == (l != NULL));
    assert(r <= 0 && (r == 0 || err_message(r)[0] != '\0'));
    mem_free(in.head);
    if (!l)
        return 0;
    struct arena *a;
    struct events_result res;
    assert(arena_create(0, &a) == 0);
    r = events_evaluate(l, l, NULL, a, &res);
    assert(r == 0 || r == ERR_TOO_BIG);
    if (r == 0) {
        // The least total difference of a list with itself is none.
        assert(res.overall.n_found == res.overall.n_detections);
        eval_check_part(res.overall.precision);
        eval_check_part(res.overall.recall);
    }
    arena_destroy(a);
    event_list_destroy(l);
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
// age_list.h - things in the order in which they were last put there: the newest, ..., the oldest.
//
// A thing that can stand in such a list has a struct age_link as its first member.
//
// Ownership: the list borrows its things.
// Threads: whoever holds the owner's lock.
#pragma once

struct age_link {
    struct age_link *newer, *older;
};

// Zeroed: empty.
struct age_list {
    struct age_link *newest, *oldest;
};

void age_list_add(struct age_list *l, struct age_link *x); // as the newest; it stands in no list
void age_list_remove(struct age_list *l, struct age_link *x);

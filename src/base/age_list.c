// SPDX-License-Identifier: Apache-2.0
// age_list.c - a doubly linked list.

#include "base/age_list.h"

#include <stddef.h>

void age_list_add(struct age_list *l, struct age_link *x)
{
    *x = (struct age_link){.older = l->newest};
    if (l->newest)
        l->newest->newer = x;
    else
        l->oldest = x;
    l->newest = x;
}

void age_list_remove(struct age_list *l, struct age_link *x)
{
    if (x->newer)
        x->newer->older = x->older;
    else
        l->newest = x->older;
    if (x->older)
        x->older->newer = x->newer;
    else
        l->oldest = x->newer;
    *x = (struct age_link){NULL, NULL};
}

// SPDX-License-Identifier: Apache-2.0
// demo_serve.c - nothing hands the project to the server yet, and who asks for it hears so.

#include "app/demo_serve.h"

#include "base/err.h"

bool demo_serve_is_possible(void)
{
    return false;
}

int demo_serve(const struct demo_project *p, const struct app_call *call, int *ret_status)
{
    (void)p;
    (void)call;
    (void)ret_status;
    return err_set(ERR_UNSUPPORTED, "--serve: the demo does not hand its project to the server");
}

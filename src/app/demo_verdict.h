// SPDX-License-Identifier: Apache-2.0
// demo_verdict.h - a judgement in a dozen lines for somebody who never saw one.
//
// Threads: none; pure functions.
#pragma once

struct str_buf;
struct validate_judged;

// Appends the verdict, each line ended. The buffer's sticky error tells what went wrong.
void demo_verdict_put(const struct validate_judged *j, struct str_buf *out);

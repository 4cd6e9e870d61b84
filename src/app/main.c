// SPDX-License-Identifier: Apache-2.0
// main.c - the program's entry: finds the command and runs it.

#include <stdio.h>

int main(int argc, char **argv)
{
    (void)argv;
    if (argc < 2) {
        fprintf(stderr, "usage: assay COMMAND [options] [arguments]\n");
        return 2;
    }
    printf("assay %s\n", ASSAY_VERSION);
    return 0;
}

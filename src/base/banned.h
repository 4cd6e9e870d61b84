// SPDX-License-Identifier: Apache-2.0
// banned.h - calls that have no place in this code, with the one to use instead. The build includes
// it before every source file, after the system headers that declare these names.
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BANNED(name, instead) assay_banned_##name##_use_##instead

#undef strcpy
#define strcpy(d, s) BANNED(strcpy, str_buf)
#undef strncpy
#define strncpy(d, s, n) BANNED(strncpy, str_buf)
#undef strcat
#define strcat(d, s) BANNED(strcat, str_buf)
#undef strncat
#define strncat(d, s, n) BANNED(strncat, str_buf)
#undef sprintf
#define sprintf(...) BANNED(sprintf, str_buf_printf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf, str_buf_vprintf)
#undef strtok
#define strtok(s, d) BANNED(strtok, str_split)
#undef atoi
#define atoi(s) BANNED(atoi, str_to_i64)
#undef atof
#define atof(s) BANNED(atof, str_to_double)
#undef gmtime
#define gmtime(t) BANNED(gmtime, gmtime_r)
#undef localtime
#define localtime(t) BANNED(localtime, gmtime_r)

// SPDX-License-Identifier: Apache-2.0
// id.c - sortable ids: milliseconds, then 80 bits that start at random and count up within one
// millisecond.

#include "base/id.h"

#include <assert.h>
#include <pthread.h>
#include <sodium.h>

#include "base/clock.h"

enum {
    RANDOM_BYTES = 10,
};

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

// --- guarded by mutex
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int64_t last_ms = -1;
static uint8_t last_random[RANDOM_BYTES];

// Digit *i* of 26: bits 125 - 5 i and below of the 130 that the digits have, of which the upper two
// are 0.
static void encode(int64_t ms, const uint8_t random[RANDOM_BYTES], char ret_id[ID_BYTES])
{
    for (int i = 0; i < 10; i++)
        ret_id[i] = alphabet[(ms >> (45 - 5 * i)) & 31];
    uint32_t bits = 0;
    int n_bits = 0;
    int at = 10;
    for (int i = 0; i < RANDOM_BYTES; i++) {
        bits = (bits << 8) | random[i];
        n_bits += 8;
        while (n_bits >= 5) {
            n_bits -= 5;
            ret_id[at++] = alphabet[(bits >> n_bits) & 31];
        }
    }
    ret_id[ID_LENGTH] = 0;
}

// False where all 80 bits were ones.
static bool count_up(uint8_t random[RANDOM_BYTES])
{
    for (int i = RANDOM_BYTES - 1; i >= 0; i--) {
        if (++random[i])
            return true;
    }
    return false;
}

void id_make(char ret_id[ID_BYTES])
{
    pthread_mutex_lock(&mutex);
    int64_t now_ms = clock_wall_us() / 1000;
    if (now_ms > last_ms) {
        last_ms = now_ms;
        randombytes_buf(last_random, sizeof(last_random));
        last_random[0] &= 0x7f; // room to count
    } else if (!count_up(last_random)) {
        last_ms++;
    }
    encode(last_ms, last_random, ret_id);
    pthread_mutex_unlock(&mutex);
}

static int digit(char c)
{
    for (int i = 0; i < 32; i++) {
        if (alphabet[i] == c)
            return i;
    }
    return -1;
}

bool id_is_valid(struct str s)
{
    if (s.n != ID_LENGTH || digit(s.p[0]) > 7)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (digit(s.p[i]) < 0)
            return false;
    }
    return true;
}

int64_t id_time_ms(const char *id)
{
    assert(id_is_valid(str_of(id)));
    int64_t ms = 0;
    for (int i = 0; i < 10; i++)
        ms = ms << 5 | digit(id[i]);
    return ms;
}

void id_first_at(int64_t time_ms, char ret_id[ID_BYTES])
{
    assert(time_ms >= 0 && time_ms < INT64_C(1) << 48);
    static const uint8_t none[RANDOM_BYTES];
    encode(time_ms, none, ret_id);
}

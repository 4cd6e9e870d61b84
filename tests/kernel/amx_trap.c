// SPDX-License-Identifier: Apache-2.0
// amx_trap.c - decodes the AMX instructions (all are VEX of three bytes, map 0F38, W0, 128 bits) as
// the Intel manual gives them. One that is none of them, or has a form that real CPUs refuse, ends
// the process by the signal it came with.

#include "amx_trap.h"

#include "amx_model.h"
#include "base/cpu.h"

#if defined(__x86_64__)

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

enum {
    VEX3 = 0xc4,
    MAP_0F38 = 2,
    PREFIX_NONE = 0,
    PREFIX_66 = 1,
    PREFIX_F3 = 2,
    PREFIX_F2 = 3,
    OP_CONFIG = 0x49,
    OP_MOVE = 0x4b,
    OP_DOT_BF16 = 0x5c,
    OP_DOT_INT8 = 0x5e,
    DIRECT = 3, // of mod: a register
    HAS_SIB = 4,
    NO_INDEX = 4,
    NO_BASE = 5,
};

struct instruction {
    int prefix, opcode;
    int mod, reg, rm, vvvv; // reg and rm with their VEX bits
    const uint8_t *address; // where mod is not DIRECT
    ptrdiff_t stride;       // index times scale
    bool has_sib;
    const uint8_t *end;
};

static long n_done;

static int64_t register_of(const ucontext_t *u, int number)
{
    static const int names[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                  REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                  REG_R12, REG_R13, REG_R14, REG_R15};
    return u->uc_mcontext.gregs[names[number]];
}

static const uint8_t *pointer_of(int64_t address)
{
    const uint8_t *p;
    memcpy(&p, &address, sizeof(p));
    return p;
}

static int32_t number_at(const uint8_t *p, int n_bytes)
{
    int32_t v;
    if (n_bytes == 1)
        return (int8_t)*p;
    memcpy(&v, p, sizeof(v));
    return v;
}

// ModRM, SIB and displacement: what is in memory.
static void decode_memory(const ucontext_t *u, struct instruction *i, const uint8_t *p, int x,
                          int b)
{
    int low = *p++ & 7;
    int64_t address = 0;
    int n_displacement = i->mod == 1 ? 1 : i->mod == 2 ? 4 : 0;
    bool is_relative = false;
    i->has_sib = low == HAS_SIB;
    if (i->has_sib) {
        int scale = *p >> 6;
        int index = (*p >> 3 & 7) | x << 3;
        int base = *p & 7;
        p++;
        i->stride = index == NO_INDEX ? 0 : register_of(u, index) * (1 << scale);
        if (base == NO_BASE && i->mod == 0)
            n_displacement = 4;
        else
            address = register_of(u, base | b << 3);
    } else if (i->mod == 0 && low == NO_BASE) {
        is_relative = true;
        n_displacement = 4;
    } else {
        address = register_of(u, low | b << 3);
    }
    if (n_displacement > 0)
        address += number_at(p, n_displacement);
    i->end = p + n_displacement;
    i->address = is_relative ? i->end + address : pointer_of(address);
}

static bool decode(const ucontext_t *u, const uint8_t *p, struct instruction *ret)
{
    if (p[0] != VEX3 || (p[1] & 0x1f) != MAP_0F38 || (p[2] & 0x84) != 0) // W and L
        return false;
    int r = !(p[1] & 0x80);
    int x = !(p[1] & 0x40);
    int b = !(p[1] & 0x20);
    *ret = (struct instruction){
        .prefix = p[2] & 3,
        .opcode = p[3],
        .mod = p[4] >> 6,
        .reg = (p[4] >> 3 & 7) | r << 3,
        .rm = (p[4] & 7) | b << 3,
        .vvvv = ~(p[2] >> 3) & 15,
        .end = p + 5,
    };
    if (ret->mod != DIRECT)
        decode_memory(u, ret, p + 4, x, b);
    return true;
}

static bool configure(const struct instruction *i)
{
    struct amx_config config;
    if (i->vvvv != 0)
        return false;
    if (i->mod != DIRECT && i->prefix == PREFIX_NONE && i->reg == 0) { // LDTILECFG
        memcpy(&config, i->address, sizeof(config));
        amx_model_configure(&config);
        return true;
    }
    if (i->mod == DIRECT && i->prefix == PREFIX_NONE && i->reg == 0 && i->rm == 0) {
        amx_model_release(); // TILERELEASE
        return true;
    }
    if (i->mod == DIRECT && i->prefix == PREFIX_F2 && i->rm == 0 && i->reg < AMX_MODEL_TILES) {
        amx_model_zero(i->reg); // TILEZERO
        return true;
    }
    return false;
}

static bool move(const struct instruction *i)
{
    if (i->vvvv != 0 || !i->has_sib || i->reg >= AMX_MODEL_TILES)
        return false;
    if (i->prefix == PREFIX_F2 || i->prefix == PREFIX_66) { // TILELOADD, TILELOADDT1
        amx_model_load(i->reg, i->address, i->stride);
        return true;
    }
    if (i->prefix != PREFIX_F3) // TILESTORED
        return false;
    uint8_t *to;
    memcpy(&to, &i->address, sizeof(to));
    amx_model_store(i->reg, to, i->stride);
    return true;
}

// The sums are in reg; rm is multiplied by vvvv.
static bool dot(const struct instruction *i)
{
    if (i->mod != DIRECT || i->reg >= AMX_MODEL_TILES || i->rm >= AMX_MODEL_TILES ||
        i->vvvv >= AMX_MODEL_TILES)
        return false;
    if (i->opcode == OP_DOT_BF16 && i->prefix == PREFIX_F3) // TDPBF16PS
        amx_model_dot_bf16(i->reg, i->rm, i->vvvv);
    else if (i->opcode == OP_DOT_INT8 && i->prefix == PREFIX_66) // TDPBUSD
        amx_model_dot_u8(i->reg, i->rm, i->vvvv);
    else
        return false;
    return true;
}

static bool execute(const struct instruction *i)
{
    switch (i->opcode) {
    case OP_CONFIG:
        return configure(i);
    case OP_MOVE:
        return i->mod != DIRECT && move(i);
    default:
        return dot(i);
    }
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)info;
    ucontext_t *u = (ucontext_t *)context;
    struct instruction i;
    int64_t at = u->uc_mcontext.gregs[REG_RIP];
    if (decode(u, pointer_of(at), &i) && execute(&i)) {
        u->uc_mcontext.gregs[REG_RIP] = at + (i.end - pointer_of(at));
        n_done++;
        return;
    }
    signal(number, SIG_DFL); // it comes once more, and ends the process
}

bool amx_trap_install(void)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    return !cpu_has(CPU_ISA_AMX) && sigaction(SIGILL, &action, NULL) == 0;
}

#else

bool amx_trap_install(void)
{
    return false;
}

#endif

long amx_trap_count(void)
{
#if defined(__x86_64__)
    return n_done;
#else
    return 0;
#endif
}

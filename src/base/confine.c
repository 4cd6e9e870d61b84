// SPDX-License-Identifier: Apache-2.0
// confine.c - resource limits, then a seccomp filter, then Landlock rules.

#include "base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/thread.h"

#if defined(__x86_64__)
#define AUDIT_ARCH_HERE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define AUDIT_ARCH_HERE AUDIT_ARCH_AARCH64
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#else
#include <sanitizer/common_interface_defs.h>
#endif

enum {
    DEFAULT_FILES = 64,
    DEFAULT_NICENESS = 5,
};

static int limit(int resource, rlim_t value, const char *what)
{
    struct rlimit now;
    if (getrlimit(resource, &now) < 0)
        return err_set_errno(errno, "limit of %s", what);
    if (now.rlim_max != RLIM_INFINITY && value > now.rlim_max)
        value = now.rlim_max;
    struct rlimit wanted = {value, value};
    return setrlimit(resource, &wanted) < 0 ? err_set_errno(errno, "limit of %s", what) : 0;
}

static int limit_resources(const struct child_limits *l)
{
    int r = limit(RLIMIT_CORE, 0, "core file");
    if (r == 0)
        r = limit(RLIMIT_NOFILE, (rlim_t)(l->max_files ? l->max_files : DEFAULT_FILES), "files");
    if (r == 0 && l->cpu_seconds > 0)
        r = limit(RLIMIT_CPU, (rlim_t)l->cpu_seconds, "CPU time");
    if (r == 0 && !IS_SANITIZED)
        r = limit(RLIMIT_AS, l->max_memory ? (rlim_t)l->max_memory : (rlim_t)(4 * GIB), "memory");
    if (r == 0 && !IS_SANITIZED && l->max_data > 0)
        r = limit(RLIMIT_DATA, (rlim_t)l->max_data, "memory");
    thread_give_way(l->niceness ? l->niceness : DEFAULT_NICENESS);
    return r;
}

// --- seccomp: a list of calls that a decoder has no business with

#define CALL_NUMBER    offsetof(struct seccomp_data, nr)
#define CALL_ARCH      offsetof(struct seccomp_data, arch)
#define LOW_OF_ARG(i)  (offsetof(struct seccomp_data, args) + 8 * (i)) // little-endian machines
#define LOAD(offset)   BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset))
#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define REFUSE(error)  ANSWER(SECCOMP_RET_ERRNO | ((error)&SECCOMP_RET_DATA))
#define DENY(call)     BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##call, 0, 1), REFUSE(EPERM)

static const struct sock_filter no_network[] = {
    LOAD(CALL_NUMBER), DENY(socket),  DENY(socketpair),
    DENY(connect),     DENY(bind),    DENY(listen),
    DENY(accept),      DENY(accept4), ANSWER(SECCOMP_RET_ALLOW),
};

static const struct sock_filter no_mischief[] = {
#ifdef AUDIT_ARCH_HERE
    LOAD(CALL_ARCH),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_HERE, 1, 0),
    ANSWER(SECCOMP_RET_KILL_PROCESS),
#endif
    LOAD(CALL_NUMBER),
    DENY(execve),
    DENY(execveat),
    DENY(ptrace),
    DENY(process_vm_readv),
    DENY(process_vm_writev),
    DENY(pidfd_open),
    DENY(pidfd_getfd),
    DENY(tkill),
    DENY(mount),
    DENY(umount2),
    DENY(pivot_root),
    DENY(chroot),
    DENY(unshare),
    DENY(setns),
    DENY(bpf),
    DENY(perf_event_open),
    DENY(userfaultfd),
    DENY(io_uring_setup),
    DENY(keyctl),
    DENY(add_key),
    DENY(request_key),
    DENY(open_by_handle_at),
    DENY(linkat),
    DENY(symlinkat),
    DENY(mkdirat),
    DENY(mknodat),
    DENY(truncate),
    DENY(fchmodat),
    DENY(fchownat),
#ifdef __NR_fork
    DENY(fork),
    DENY(vfork),
    DENY(link),
    DENY(symlink),
    DENY(mkdir),
    DENY(rmdir),
    DENY(mknod),
    DENY(creat),
    DENY(chmod),
    DENY(chown),
    DENY(lchown),
#endif
    // Threads yes, processes no. The C library falls back to clone, whose flags can be read here.
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone3, 0, 1),
    REFUSE(ENOSYS),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 0, 4),
    LOAD(LOW_OF_ARG(0)),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
    ANSWER(SECCOMP_RET_ALLOW),
    REFUSE(EPERM),
    ANSWER(SECCOMP_RET_ALLOW),
};

// To open: reading only; nothing made, renamed or removed.
static const struct sock_filter no_writing[] = {
    LOAD(CALL_NUMBER),
    DENY(unlinkat),
    DENY(renameat2),
#ifdef __NR_renameat
    DENY(renameat),
#endif
#ifdef __NR_rename
    DENY(rename),
    DENY(unlink),
#endif
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_openat2, 0, 1),
    REFUSE(ENOSYS),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_openat, 0, 4),
    LOAD(LOW_OF_ARG(2)),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC, 0, 1),
    REFUSE(EPERM),
    ANSWER(SECCOMP_RET_ALLOW),
#ifdef __NR_open
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_open, 0, 4),
    LOAD(LOW_OF_ARG(1)),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC, 0, 1),
    REFUSE(EPERM),
    ANSWER(SECCOMP_RET_ALLOW),
#endif
    ANSWER(SECCOMP_RET_ALLOW),
};

static int install(const struct sock_filter *filter, size_t n)
{
    // The kernel only reads it; its interface is older than const.
    union {
        const struct sock_filter *in;
        struct sock_filter *out;
    } rules = {.in = filter};
    struct sock_fprog program = {.len = (unsigned short)n, .filter = rules.out};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 || errno == ENOSYS ||
        errno == EINVAL) // EINVAL: a kernel without filters
        return 0;
    return err_set_errno(errno, "seccomp filter");
}

static int filter_calls(const struct child_limits *l)
{
    int r = install(no_mischief, ARRAY_LEN(no_mischief));
    if (r == 0 && !l->network)
        r = install(no_network, ARRAY_LEN(no_network));
    if (r == 0 && !l->writable)
        r = install(no_writing, ARRAY_LEN(no_writing));
    return r;
}

// --- Landlock: which files

static const char *const system_files[] = {
    "/usr",           "/lib",
    "/lib64",         "/etc/ld.so.cache",
    "/etc/ssl",       "/etc/localtime",
    "/proc/self",     "/proc/cpuinfo",
    "/proc/meminfo",  "/sys/devices/system",
    "/sys/fs/cgroup", "/dev/zero",
    "/dev/urandom",   "/etc/resolv.conf",
    "/etc/hosts",     "/etc/nsswitch.conf",
};

enum {
    READ_FILE = LANDLOCK_ACCESS_FS_READ_FILE,
    READ_DIRECTORY = LANDLOCK_ACCESS_FS_READ_DIR,
    WRITE_FILE = LANDLOCK_ACCESS_FS_WRITE_FILE,
    MAKE_FILE = LANDLOCK_ACCESS_FS_MAKE_REG,
};

// What is not there cannot be used anyway.
static int allow(int rules, const char *path, uint64_t access)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return 0;
    struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
    long r = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    if (r < 0 && errno == EINVAL) { // a plain file has no directory rights
        rule.allowed_access = READ_FILE;
        r = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    }
    int error = errno;
    close(fd);
    return r < 0 ? err_set_errno(error, "%s: Landlock rule", path) : 0;
}

static int allow_all(int rules, const struct child_limits *l)
{
    int r = allow(rules, "/dev/null", READ_FILE | WRITE_FILE);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(system_files); i++)
        r = allow(rules, system_files[i], READ_FILE | READ_DIRECTORY);
    for (size_t i = 0; r == 0 && i < CHILD_MAX_READABLE && l->readable[i]; i++)
        r = allow(rules, l->readable[i], READ_FILE | READ_DIRECTORY);
    if (r == 0 && l->writable)
        r = allow(rules, l->writable, READ_FILE | READ_DIRECTORY | WRITE_FILE | MAKE_FILE);
    if (r == 0 && syscall(SYS_landlock_restrict_self, rules, 0) < 0)
        r = err_set_errno(errno, "Landlock");
    return r;
}

static int restrict_files(const struct child_limits *l)
{
    struct landlock_ruleset_attr handled = {.handled_access_fs = READ_FILE | READ_DIRECTORY |
                                                                 WRITE_FILE | MAKE_FILE};
    int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
    if (rules < 0) // a kernel without Landlock, or with it switched off
        return 0;
    int r = allow_all(rules, l);
    close(rules);
    return r;
}

// A report of a sanitizer goes to a file that could not be opened later.
static void open_report(void)
{
#if IS_SANITIZED
    (void)__sanitizer_get_report_path();
#endif
}

int confine(const struct child_limits *limits)
{
    open_report();
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_set_errno(errno, "prctl");
    int r = limit_resources(limits);
    if (r == 0)
        r = restrict_files(limits);
    return r == 0 ? filter_calls(limits) : r;
}

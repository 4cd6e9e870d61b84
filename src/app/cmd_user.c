// SPDX-License-Identifier: Apache-2.0
// cmd_user.c - `assay user`: the first admin, another user, a password that was forgotten.

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/control.h"
#include "app/data_dir.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "store/store.h"

enum {
    LOOK_MS = 100,
};

struct user_opts {
    int role;
};

static const char *const roles[] = {"none", "viewer", "editor", "admin", NULL};
static const enum store_role role_of[] = {STORE_ROLE_UNSET, STORE_ROLE_VIEWER, STORE_ROLE_EDITOR,
                                          STORE_ROLE_ADMIN};

// clang-format off
static const struct opt add_options[] = {
    OPT_CHOICE(struct user_opts, "role", role, roles, "ROLE", "what the user may do in every project; none: only what projects give", NULL),
    OPT_END,
};
// clang-format on

static struct user_opts settings;
static const struct opt_set add_sets[] = {{add_options, &settings, "User"},
                                          {data_dir_options, &data_dir_settings, "Data"}};
static const struct opt_set password_sets[] = {{data_dir_options, &data_dir_settings, "Data"}};

// ---- the password: asked for twice on a terminal, without echo; else one line

static void note_interrupt(void *arg)
{
    (void)arg; // whoever reads looks
}

// Until there is something to read, or Ctrl-C came.
static int await_input(void)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    while (!app_is_interrupted()) {
        int n = poll(&in, 1, LOOK_MS);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return err_set_errno(errno, "standard input");
    }
    return err_set(ERR_CANCELLED, "interrupted");
}

static int read_line(char *ret_line, size_t n)
{
    size_t at = 0;
    for (;;) {
        char c;
        int r = await_input();
        if (r < 0)
            return r;
        ssize_t got = read(STDIN_FILENO, &c, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set_errno(errno, "standard input");
        if (got == 0 || c == '\n')
            break;
        if (c == '\0' || at + 1 == n)
            return err_set(ERR_INVALID, "password: %s",
                           c ? "longer than is taken" : "there is a zero in it");
        ret_line[at++] = c;
    }
    if (at > 0 && ret_line[at - 1] == '\r')
        at--;
    ret_line[at] = '\0';
    return 0;
}

static int ask(const char *prompt, char *ret_line, size_t n)
{
    struct termios before;
    if (tcgetattr(STDIN_FILENO, &before) < 0)
        return err_set_errno(errno, "the terminal");
    struct termios quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    app_on_interrupt(note_interrupt, NULL); // else the terminal would stay without echo
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) < 0) {
        app_on_interrupt(NULL, NULL);
        return err_set_errno(errno, "the terminal");
    }
    fprintf(stderr, "%s: ", prompt);
    int r = read_line(ret_line, n);
    fputc('\n', stderr);
    IGNORE(tcsetattr(STDIN_FILENO, TCSAFLUSH, &before)); // it was set a moment ago
    app_on_interrupt(NULL, NULL);
    return r;
}

static int read_password(char *ret_password, size_t n)
{
    char again[SECRET_PASSWORD_MAX + 2];
    if (!isatty(STDIN_FILENO))
        return read_line(ret_password, n);
    int r = ask("Password", ret_password, n);
    if (r == 0)
        r = ask("Once more", again, sizeof(again));
    if (r == 0 && strcmp(ret_password, again) != 0)
        r = err_set(ERR_INVALID, "password: the two differ");
    explicit_bzero(again, sizeof(again));
    return r;
}

static int read_hash(char ret_hash[SECRET_PASSWORD_HASH_BYTES])
{
    char password[SECRET_PASSWORD_MAX + 2];
    int r = read_password(password, sizeof(password));
    if (r == 0)
        r = secret_password_hash(str_of(password), ret_hash);
    explicit_bzero(password, sizeof(password));
    return r;
}

// ---- the server that runs does it, else this process

static int do_here(const char *data, const struct control_request *q, struct arena *a)
{
    struct store *s;
    char id[ID_BYTES];
    int r = store_open(&(struct store_opts){.directory = data}, &s);
    if (r < 0)
        return r;
    r = control_do(s, q, a, id);
    char why[ERR_MESSAGE_BYTES];
    err_copy_message(r, why, sizeof(why));
    store_close(s);
    return r < 0 ? err_set((enum err)r, "%s", why) : 0;
}

static int do_it(const char *data, const struct control_request *q, struct arena *a)
{
    int r = do_here(data, q, a);
    return r == ERR_BUSY ? control_ask(data, q) : r;
}

static int run(const struct app_call *call, const struct command *c, enum control_verb verb)
{
    char hash[SECRET_PASSWORD_HASH_BYTES];
    const char *data;
    if (call->n_arguments != 1)
        return app_usage_error(c, "one NAME is needed; the password is asked for, or read from "
                                  "standard input");
    const struct control_request q = {.verb = verb,
                                      .name = call->arguments[0],
                                      .role = role_of[settings.role],
                                      .password_hash = hash};
    int r = data_dir(call->arena, &data);
    if (r == 0)
        r = read_hash(hash);
    if (r == 0)
        r = do_it(data, &q, call->arena);
    if (r < 0)
        return app_fail(r);
    if (!call->is_quiet && verb == CONTROL_USER_ADD)
        log_info(NULL, "user %s, role %s", q.name, roles[settings.role]);
    else if (!call->is_quiet)
        log_info(NULL, "user %s: the password is changed, all logins have ended", q.name);
    return 0;
}

static int run_add(const struct app_call *call)
{
    return run(call, &command_user_add, CONTROL_USER_ADD);
}

static int run_password(const struct app_call *call)
{
    return run(call, &command_user_password, CONTROL_USER_PASSWORD);
}

static const char details[] =
    "The password is asked for on the terminal, or is one line of standard input; it is never\n"
    "part of the command line. Works beside a server that runs on the same data, and without one.";

const struct command command_user_add = {
    .name = "user add",
    .summary = "adds a user to a server's data; the first one is an admin",
    .usage = "NAME --role ROLE [--data DIR]",
    .details = details,
    .sets = add_sets,
    .n_sets = ARRAY_LEN(add_sets),
    .run = run_add,
};

const struct command command_user_password = {
    .name = "user password",
    .summary = "gives a user a new password and ends the user's logins",
    .usage = "NAME [--data DIR]",
    .details = details,
    .sets = password_sets,
    .n_sets = ARRAY_LEN(password_sets),
    .run = run_password,
};

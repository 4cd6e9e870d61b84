// SPDX-License-Identifier: Apache-2.0
// main.c - the program's entry: finds the command, reads its options, runs it.

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/child_kinds.h"
#include "app/common.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"

enum {
    MAX_SETS = 16, // option tables of one command
    HELP_MAX = 256 * 1024,
};

static int print(struct str_buf *text)
{
    int r = app_write("-", text);
    str_buf_finish(text);
    return r < 0 ? app_fail(r) : 0;
}

static int print_version(void)
{
    struct str_buf out = STR_BUF_INIT(HELP_MAX);
    str_buf_puts(&out, "assay " ASSAY_VERSION "\n");
    return print(&out);
}

static bool begins_with_word(const char *name, const char *word)
{
    size_t n = strlen(word);
    return strncmp(name, word, n) == 0 && name[n] == ' ';
}

// Of all commands, or of those whose name begins with *word*.
static void put_commands(struct str_buf *out, const char *word)
{
    for (size_t i = 0; app_commands[i]; i++) {
        const struct command *c = app_commands[i];
        if (!c->is_hidden && (!word || begins_with_word(c->name, word)))
            str_buf_printf(out, "  %-14s %s\n", c->name, c->summary);
    }
}

static int print_help(void)
{
    struct str_buf out = STR_BUF_INIT(HELP_MAX);
    str_buf_puts(&out, "usage: assay COMMAND [options] [arguments]\n\n"
                       "Runs object detectors over video and says how good they are.\n\n");
    put_commands(&out, NULL);
    str_buf_puts(&out, "\n`assay COMMAND --help` shows a command's options. Exit status: 0 done, "
                       "1 a verdict failed,\n2 the command line or an input is wrong, 3 the work "
                       "failed, 130 interrupted.\n");
    return print(&out);
}

static int print_command_help(const struct command *c, const struct opt_set *all, size_t n_all)
{
    struct str_buf out = STR_BUF_INIT(HELP_MAX);
    str_buf_printf(&out, "usage: assay %s %s\n\n", c->name, c->usage);
    app_put_sentence(&out, c->summary);
    if (c->details)
        str_buf_printf(&out, "\n%s\n", c->details);
    opt_print_help(all, n_all, &out);
    return print(&out);
}

// "model" alone, where there are "model inspect" and "model bench".
static int explain_group(const char *word, const char *second, bool *ret_is_group)
{
    struct str_buf group = STR_BUF_INIT(HELP_MAX);
    int status = err_exit_status(ERR_INVALID);
    put_commands(&group, word);
    *ret_is_group = group.n > 0;
    if (*ret_is_group && second && strcmp(second, "--help") == 0)
        return print(&group);
    if (*ret_is_group && second && second[0] != '-')
        log_error(NULL, "'%s %s' is no command (see: assay %s --help)", word, second, word);
    else if (*ret_is_group)
        log_error(NULL, "'%s' needs a second word (see: assay %s --help)", word, word);
    str_buf_finish(&group);
    return status;
}

static int unknown_command(int argc, char **argv)
{
    bool is_group;
    int status = explain_group(argv[0], argc > 1 ? argv[1] : NULL, &is_group);
    if (is_group)
        return status;
    struct opt_nearest nearest = {.word = str_of(argv[0])};
    for (size_t i = 0; app_commands[i]; i++) {
        if (!app_commands[i]->is_hidden)
            opt_nearest_try(&nearest, app_commands[i]->name);
    }
    if (nearest.best)
        log_error(NULL, "unknown command '%s', did you mean '%s'?", argv[0], nearest.best);
    else
        log_error(NULL, "unknown command '%s' (see: assay --help)", argv[0]);
    return status;
}

// argv[0] is the command's first word. *ret_n_words: how many words its name has.
static const struct command *find_command(int argc, char **argv, int *ret_n_words)
{
    for (size_t i = 0; app_commands[i]; i++) {
        const char *name = app_commands[i]->name;
        const char *second = strchr(name, ' ');
        *ret_n_words = second ? 2 : 1;
        if (!second && strcmp(name, argv[0]) == 0)
            return app_commands[i];
        if (second && argc > 1 && begins_with_word(name, argv[0]) &&
            strcmp(second + 1, argv[1]) == 0)
            return app_commands[i];
    }
    return NULL;
}

// For lines of a --config file that another command reads.
static bool is_known_option(const char *name)
{
    for (size_t i = 0; app_commands[i]; i++) {
        for (size_t k = 0; k < app_commands[i]->n_sets; k++) {
            for (const struct opt *row = app_commands[i]->sets[k].rows; row->name; row++) {
                if (strcmp(row->name, name) == 0)
                    return true;
            }
        }
    }
    return false;
}

static int run_command(const struct command *c, int argc, char **argv)
{
    struct app_common common = {0};
    struct opt_set all[MAX_SETS];
    size_t n_all = 0;
    for (; n_all < c->n_sets && n_all < MAX_SETS - 1; n_all++)
        all[n_all] = c->sets[n_all];
    all[n_all++] = (struct opt_set){app_common_options, &common, "Messages"};

    struct arena *arena;
    int r = arena_create(0, &arena);
    if (r < 0)
        return app_fail(r);
    struct opt_result given;
    opt_set_known_elsewhere(is_known_option);
    r = opt_parse(argc, argv, all, n_all, arena, &given);
    int status = 0;
    if (r == ERR_INVALID) {
        status = app_usage_error(c, "%s", err_message(r));
    } else if (r < 0) {
        status = app_fail(r);
    } else if (given.help) {
        status = print_command_help(c, all, n_all);
    } else if (given.version) {
        status = print_version();
    } else {
        app_common_apply(&common);
        struct app_call call = {
            .arguments = given.arguments,
            .n_arguments = given.n_arguments,
            .arena = arena,
            .is_quiet = common.is_quiet,
        };
        status = c->run(&call);
    }
    arena_destroy(arena);
    return status;
}

// "assay help model bench" is "assay model bench --help".
static int run_words(int argc, char **argv, bool wants_help)
{
    int n_words;
    const struct command *c = find_command(argc, argv, &n_words);
    if (!c)
        return unknown_command(argc, argv);
    char help[] = "--help";
    char *only_help[] = {help};
    if (wants_help)
        return run_command(c, 1, only_help);
    int r = app_interrupts_start();
    if (r < 0)
        return app_fail(r);
    int status = run_command(c, argc - n_words, argv + n_words);
    app_interrupts_stop();
    return status;
}

// A descriptor 0, 1 or 2 that is closed would be the next file's: messages would go into a database
// or a client's answer. What stands there now refuses to be read or written, as a closed one does.
static void occupy_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            IGNORE(open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY)); // the lowest free one
}

int main(int argc, char **argv)
{
    occupy_standard_descriptors();
    const char *first = argc > 1 ? argv[1] : "";
    // At once: what sanitizers do at an ordinary exit, a confined process may not.
    if (argc == 3 && strcmp(first, "child") == 0)
        _exit(app_child_main(argv[2]));
    bool is_help = strcmp(first, "help") == 0;
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || (is_help && argc == 2))
        return print_help();
    if (strcmp(first, "--version") == 0)
        return print_version();
    if (first[0] == '\0' || first[0] == '-') {
        log_error(NULL, "a command must come first (see: assay --help)");
        return err_exit_status(ERR_INVALID);
    }
    int n_skipped = is_help ? 2 : 1;
    return run_words(argc - n_skipped, argv + n_skipped, is_help);
}

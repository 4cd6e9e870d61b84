// SPDX-License-Identifier: Apache-2.0
// http_server.c - the test routes on a port, for clients in other programs: http_server
// [ADDRESS:PORT [FILE]].

#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "base/metrics.h"
#include "http/server.h"
#include "http_routes.h"

int main(int argc, char **argv)
{
    struct server_opts opts = {
        .listen = argc > 1 ? argv[1] : "127.0.0.1:0",
        .routes = http_routes,
        .alias_from = "/api/",
        .alias_to = "/api/v1/",
        .no_access_log = argc > 3,
    };
    struct server *s;
    sigset_t stop;
    size_t n_files;
    int which;
    log_setup(LOG_INFO, LOG_FORMAT_JSON);
    if (argc > 2)
        http_routes_file = argv[2];
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    int r = server_raise_files(16384, &n_files);
    if (r < 0)
        log_warning(NULL, "%s", err_message(r));
    r = metrics_register_process();
    if (r == 0)
        r = server_create(&opts, &s);
    if (r < 0) {
        log_error(NULL, "%s", err_message(r));
        return err_exit_status(r);
    }
    r = server_start(s);
    if (r < 0) {
        log_error(NULL, "%s", err_message(r));
        server_destroy(s);
        return err_exit_status(r);
    }
    printf("%u\n", server_port(s));
    fflush(stdout);
    sigwait(&stop, &which);
    server_destroy(s);
    return 0;
}

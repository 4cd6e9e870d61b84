// SPDX-License-Identifier: Apache-2.0
// bus.h - what happened reaches whoever listens, within this process; slow listeners lose the
// oldest, are told how many, and slow down nobody.
//
// INVARIANTS
// (1) An event's bytes exist once, however many listen.
// (2) A listener receives a topic's events in the order of their publishing.
// (3) Publishing takes bounded time and never waits for a listener.
// (4) A listener that subscribes to a topic receives the topic's latest state first, if it has one.
//
// Ownership: bus_destroy() after all listeners are closed.
// Threads: any; a listener's receiving end is one thread at a time.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct bus;
struct bus_listener;
struct event;

enum {
    BUS_MAX_TOPIC = 120,       // bytes of a topic or kind
    BUS_MAX_JSON = 256 * 1024, // bytes of an event's JSON
    BUS_MAX_TOPICS = 256,      // that one listener may name
    BUS_DEFAULT_STATES = 4096,
    BUS_DEFAULT_QUEUE = 256,
};

struct bus_opts {
    size_t max_states; // topics whose latest state is kept; the longest unchanged goes first
                       // [BUS_DEFAULT_STATES]
    // The seam to other machines: sees every event that was published here (not those given to
    // bus_publish_relayed()), on the publisher's thread, and must not wait. NULL: one machine.
    void (*relay)(void *arg, struct event *e);
    void *relay_arg;
};

// ERR_NOMEM.
int bus_create(const struct bus_opts *opts, struct bus **ret_bus) MUST_CHECK; // NULL: defaults
void bus_destroy(struct bus *b);                                              // NULL is a no-op

// What to publish. Texts are copied.
struct bus_publication {
    struct str topic;
    struct str kind;
    struct str json;
    bool is_state; // kept, and given first to those who subscribe later
    bool is_final; // the state may be forgotten before those of topics still alive
};

// ERR_INVALID (an empty topic, or one with control characters), ERR_TOO_BIG, ERR_NOMEM.
int bus_publish(struct bus *b, const struct bus_publication *p) MUST_CHECK;
// An event of another machine: to the listeners here, not to the relay. Errors of bus_publish().
int bus_publish_relayed(struct bus *b, const struct bus_publication *p) MUST_CHECK;

// The topic's latest state, owned by the caller; NULL where none is kept.
struct event *bus_find_state(struct bus *b, struct str topic);
// Forgets a topic's state (the thing was deleted).
void bus_forget(struct bus *b, struct str topic);

struct bus_listener_opts {
    size_t capacity; // events that wait [BUS_DEFAULT_QUEUE]
    bool everything; // every topic, without subscribing to any; no states are given first
    // Told when the queue stops being empty, on the publisher's thread with no lock held; must not
    // wait and must not call the bus. NULL: none; bus_listener_fd() serves epoll loops.
    void (*wake)(void *arg);
    void *wake_arg;
};

// ERR_NOMEM, ERR_IO (no descriptors left).
int bus_listen(struct bus *b, const struct bus_listener_opts *opts,
               struct bus_listener **ret_listener) MUST_CHECK;
void bus_listener_close(struct bus_listener *l); // NULL is a no-op; wake is not called afterwards

// A topic, or a prefix with '*' behind ("project:*"). Twice is a no-op. ERR_INVALID, ERR_TOO_BIG
// (BUS_MAX_TOPICS), ERR_NOMEM.
int bus_listener_subscribe(struct bus_listener *l, struct str topic) MUST_CHECK;
void bus_listener_unsubscribe(struct bus_listener *l, struct str topic);

// The next event, owned by the caller; *ret_lost: how many were lost before it because the queue
// was full. *timeout_ns* 0 does not wait. ERR_AGAIN or ERR_TIMEOUT: none came.
int bus_listener_receive(struct bus_listener *l, int64_t timeout_ns, struct event **ret_event,
                         uint64_t *ret_lost) MUST_CHECK;
// Readable while events wait; for epoll. Read nothing from it.
int bus_listener_fd(const struct bus_listener *l);

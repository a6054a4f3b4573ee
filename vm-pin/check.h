/* SPDX-License-Identifier: ISC */
/* What is wrong with where the guests of a host run: the rules of vm-pin check. */
#ifndef VM_PIN_CHECK_H
#define VM_PIN_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "common/print.h"
#include "vm-pin/guest.h"
#include "vm-pin/host.h"

struct checked {
	struct guest guest;
	struct placement *at; /* of each thread, in the order of guest.threads */
	struct cpus home;     /* the cores to which a vCPU of it is pinned, whole */
	bool asked;	      /* for: what is wrong between others is not told */
};

struct check {
	struct printer *printer;
	struct host host;
	struct checked *v;
	size_t n;
	unsigned found;
};

/*
 * Looks at the guests that the words name, or at all, and prints an object for each thing that is wrong: what, the guest's
 * pid and name, and how. Returns how many; dies when a word names no guest.
 */
unsigned check_guests(struct printer *p, int root, char *const *words, size_t n);

/* The rules, by what they look at. */
void check_cpus(struct check *c);
void check_cores(struct check *c);
void check_memory(struct check *c);

/* Tells of one thing; nothing when it is about a guest that was not asked for. */
void check_tell(struct check *c, const struct checked *g, const char *what, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Whether the thread is kept on one core, as a place of its own: of a machine that has more than that. */
bool check_pinned(const struct check *c, const struct placement *at);

/* Appends to a list in words, "a, b", cut with "..." where there is no room. */
void check_list(char *text, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
